import type { App, SlashCommand } from '@slack/bolt';
import { bothReadings } from '../../command/slash-text.ts';
import { Refusal } from '../../errors.ts';
import type { Requests, SlashCall } from '../../requests/calls.ts';
import type { Requester } from '../../run/plan.ts';
import type { Workspace } from '../workspace.ts';
import type { Reception } from './reception.ts';
import { formatRequestKey } from './request-key.ts';

const KNOWN = ['/batch_run', '/batch_scp', '/batch'] as const;

/** All slash commands come in here, also one that the app's settings have and we do not: it is answered. */
export function register(app: App, desk: Requests, workspace: Workspace, reception: Reception): void {
  app.command(/^\//, ({ ack, body, respond, context }) => {
    const isLate = reception.isLate(context);
    return reception.receive({
      ack,
      ask: () => desk.command(parseCall(body, workspace, isLate)),
      respond,
      typed: bothReadings(body.text ?? ''),
      triggerId: body.trigger_id,
      channelId: body.channel_id,
      userId: body.user_id,
    });
  });
}

export function parseCall(body: SlashCommand, workspace: Workspace, isLate: boolean): SlashCall {
  const command = KNOWN.find((name) => name === body.command.toLowerCase());
  if (command === undefined) {
    throw new Refusal('usage', `This bot does not know \`${body.command}\`.`, {
      remedy: `It knows ${KNOWN.map((name) => `\`${name}\``).join(', ')}; \`/batch help\` tells more.`,
    });
  }
  return {
    command,
    text: body.text ?? '',
    requester: requireOwnTeam({ teamId: body.team_id, userId: body.user_id }, workspace),
    channelId: body.channel_id,
    requestKey: formatRequestKey(body.team_id, body.trigger_id, body),
    isLate,
  };
}

/** People of another workspace can be in a shared channel, and see the buttons there. */
export function requireOwnTeam(requester: Requester, workspace: Workspace): Requester {
  if (requester.teamId !== workspace.teamId) {
    throw new Refusal('not-allowed', 'This bot works only for members of its own workspace.');
  }
  return requester;
}
