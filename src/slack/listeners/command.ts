import type { App, SlashCommand } from '@slack/bolt';
import { bothReadings } from '../../command/slash-text.ts';
import { Refusal } from '../../errors.ts';
import type { Requests, SlashCall } from '../../requests/calls.ts';
import type { Requester } from '../../run/plan.ts';
import type { Admission } from './admission.ts';
import { isDirectMessage } from './direct-message.ts';
import type { Reception } from './reception.ts';
import { formatRequestKey } from './request-key.ts';

const KNOWN = ['/batch_run', '/batch_scp', '/batch'] as const;

/** All slash commands come in here, also one that the app's settings have and we do not: it is answered. */
export function register(app: App, desk: Requests, admission: Admission, reception: Reception): void {
  app.command(/^\//, ({ ack, body, respond, context }) => {
    const isLate = reception.isLate(context);
    return reception.receive({
      ack,
      ask: async () => {
        const requester = await admission.admit({
          userId: body.user_id,
          installedIn: body.team_id,
          // Only where the app is installed people have its commands.
          home: body.team_id,
        });
        return await desk.command(parseCall(body, requester, isLate));
      },
      respond,
      typed: bothReadings(body.text ?? ''),
      triggerId: body.trigger_id,
      channelId: body.channel_id,
      userId: body.user_id,
      received: {
        requester: admission.wouldBe(body.user_id),
        channelId: body.channel_id,
        what: knownName(body) ?? 'command',
        requestKey: formatRequestKey(admission.home, body.trigger_id, body),
      },
    });
  });
}

function knownName(body: SlashCommand): (typeof KNOWN)[number] | undefined {
  return KNOWN.find((name) => name === body.command.toLowerCase());
}

function parseCall(body: SlashCommand, requester: Requester, isLate: boolean): SlashCall {
  const command = knownName(body);
  if (command === undefined) {
    throw new Refusal('usage', `This bot does not know \`${body.command}\`.`, {
      remedy: `It knows ${KNOWN.map((name) => `\`${name}\``).join(', ')}; \`/batch help\` tells more.`,
    });
  }
  return {
    command,
    text: body.text ?? '',
    requester,
    channelId: body.channel_id,
    isDirect: isDirectMessage(body.channel_id, body.channel_name),
    requestKey: formatRequestKey(requester.teamId, body.trigger_id, body),
    isLate,
  };
}
