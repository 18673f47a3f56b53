import type { App, BlockAction } from '@slack/bolt';
import { Refusal } from '../../errors.ts';
import { HOME_REFRESH_ACTION } from '../../report/views/home.ts';
import type { ButtonClick, Requests } from '../../requests/calls.ts';
import type { Requester } from '../../run/plan.ts';
import type { OtherBots } from '../other-bots.ts';
import { type Admission, senderOf } from './admission.ts';
import type { HomeTabs } from './home.ts';
import type { Reception } from './reception.ts';
import { formatRequestKey } from './request-key.ts';

/** All buttons come in here, also those of messages that an older version posted: each click is answered. */
export function register(
  app: App,
  desk: Requests,
  admission: Admission,
  reception: Reception,
  homes: HomeTabs,
  others: OtherBots,
): void {
  app.action<BlockAction>({ type: 'block_actions' }, ({ ack, body, respond, context }) => {
    const isLate = reception.isLate(context);
    return reception.receive({
      ack,
      ask: async () => {
        const requester = await admission.admit(senderOf(body));
        const click = parseClick(body, requester, isLate);
        if (body.message !== undefined) others.clicked(body.message, click.channelId);
        if (click.actionId !== HOME_REFRESH_ACTION) return await desk.press(click);
        await homes.publish(click.requester);
        return undefined;
      },
      typed: '',
      // Without a response_url Bolt gives none, whatever its types say.
      respond: body.response_url ? respond : undefined,
      triggerId: body.trigger_id,
      channelId: body.channel?.id ?? '',
      threadTs: findThread(body),
      userId: body.user.id,
      received: {
        requester: admission.wouldBe(body.user.id),
        channelId: body.channel?.id ?? '',
        what: 'button',
        requestKey: formatRequestKey(admission.home, body.trigger_id, body),
      },
    });
  });
}

/** Of a reply: who clicks below a root message looks at the channel, or at the thread, and nobody says which. */
function findThread({ message, container }: BlockAction): string | undefined {
  const threadTs: unknown = message?.thread_ts ?? container.thread_ts;
  const ts: unknown = message?.ts ?? container.message_ts;
  return typeof threadTs === 'string' && threadTs !== ts ? threadTs : undefined;
}

function parseClick(body: BlockAction, requester: Requester, isLate: boolean): ButtonClick {
  const [action] = body.actions;
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
    requestKey: formatRequestKey(requester.teamId, body.trigger_id, body),
    clickedAt: Math.round(Number(action.action_ts) * 1_000) || 0,
    isLate,
  };
}
