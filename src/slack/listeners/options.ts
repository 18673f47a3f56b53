import type { App, BlockSuggestion } from '@slack/bolt';
import { Refusal } from '../../errors.ts';
import type { Log } from '../../ports/log.ts';
import type { Requests, SuggestQuery } from '../../requests/calls.ts';
import type { Requester } from '../../run/plan.ts';
import type { Workspace } from '../workspace.ts';
import { type Admission, senderOf } from './admission.ts';

/** What the selects with search offer. A select that gets no answer within 3 s says so by itself. */
export function register(
  app: App,
  desk: Requests,
  workspace: Workspace,
  admission: Admission,
  log: Log,
): void {
  app.options<'block_suggestion'>(/^batchops_/, async ({ ack, body }) => {
    try {
      const requester = await admission.admit(senderOf(body));
      const groups = workspace.masked({ options: await desk.suggest(parseQuery(body, requester)) }).options;
      // Slack refuses a list of no groups.
      if (groups.length === 0) await ack({ options: [] });
      else {
        await ack({
          option_groups: groups.map(({ label, options }) => ({ label, options: [...options] })),
        });
      }
    } catch (error) {
      if (!(error instanceof Refusal)) log.error({ err: error }, 'a select could not be filled');
      await ack({ options: [] });
    }
  });
}

function parseQuery(body: BlockSuggestion, requester: Requester): SuggestQuery {
  return {
    actionId: body.action_id,
    blockId: body.block_id,
    text: body.value,
    requester,
    channelId: body.channel?.id ?? '',
  };
}
