import type { App, BlockAction } from '@slack/bolt';
import { Refusal } from '../../errors.ts';
import { HOME_REFRESH_ACTION } from '../../report/views/home.ts';
import type { ButtonClick, Requests } from '../../requests/calls.ts';
import type { Workspace } from '../workspace.ts';
import { requireOwnTeam } from './command.ts';
import type { HomeTabs } from './home.ts';
import type { Reception } from './reception.ts';
import { formatRequestKey } from './request-key.ts';

/** All buttons come in here, also those of messages that an older version posted: each click is answered. */
export function register(
  app: App,
  desk: Requests,
  workspace: Workspace,
  reception: Reception,
  homes: HomeTabs,
): void {
  app.action<BlockAction>({ type: 'block_actions' }, ({ ack, body, respond }) =>
    reception.receive({
      ack,
      ask: async () => {
        const click = parseClick(body, workspace);
        if (body.message !== undefined) workspace.others.clicked(body.message, click.channelId);
        if (click.actionId !== HOME_REFRESH_ACTION) return await desk.press(click);
        await homes.publish(click.requester);
        return undefined;
      },
      typed: '',
      // Without a response_url Bolt gives none, whatever its types say.
      respond: body.response_url ? respond : undefined,
      triggerId: body.trigger_id,
      channelId: body.channel?.id ?? '',
      userId: body.user.id,
    }),
  );
}

export function parseClick(body: BlockAction, workspace: Workspace): ButtonClick {
  const [action] = body.actions;
  const teamId = body.user.team_id ?? body.team?.id ?? '';
  const requester = requireOwnTeam({ teamId, userId: body.user.id }, workspace);
  if (action?.type !== 'button' && action?.type !== 'external_select') {
    throw new Refusal('usage', 'This does nothing (any more).', {
      remedy: 'Use the commands instead: `/batch help`.',
    });
  }
  return {
    actionId: action.action_id,
    value: (action.type === 'button' ? action.value : action.selected_option?.value) ?? '',
    blockId: action.block_id ?? '',
    requester,
    channelId: body.channel?.id ?? '',
    requestKey: formatRequestKey(teamId, body.trigger_id, body),
    clickedAt: Math.round(Number(action.action_ts) * 1_000) || 0,
  };
}
