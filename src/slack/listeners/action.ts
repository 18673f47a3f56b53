import type { App, BlockAction } from '@slack/bolt';
import { Refusal } from '../../errors.ts';
import type { ButtonClick, Desk } from '../../ports.ts';
import { CANCEL_ACTION } from '../../report/buttons.ts';
import type { Workspace } from '../workspace.ts';
import { requireOwnTeam } from './command.ts';
import type { Reception } from './reception.ts';
import { formatRequestKey } from './request-key.ts';

/** All buttons come in here, also those of messages that an older version posted: each click is answered. */
export function register(app: App, desk: Desk, workspace: Workspace, reception: Reception): void {
  app.action<BlockAction>({ type: 'block_actions' }, ({ ack, body, respond }) =>
    reception.receive({
      ack,
      ask: () => desk.press(parseClick(body, workspace)),
      // Without a response_url Bolt gives none, whatever its types say.
      respond: body.response_url ? respond : undefined,
      channelId: body.channel?.id ?? '',
      userId: body.user.id,
    }),
  );
}

export function parseClick(body: BlockAction, workspace: Workspace): ButtonClick {
  const [action] = body.actions;
  const teamId = body.user.team_id ?? body.team?.id ?? '';
  const requester = requireOwnTeam({ teamId, userId: body.user.id }, workspace);
  if (action?.type !== 'button' || action.action_id !== CANCEL_ACTION) {
    throw new Refusal('usage', 'This button does nothing (any more).', {
      remedy: 'Use the commands instead: `/batch help`.',
    });
  }
  return {
    actionId: action.action_id,
    value: action.value ?? '',
    requester,
    channelId: body.channel?.id ?? '',
    requestKey: formatRequestKey(teamId, body.trigger_id, body),
  };
}
