import { findPresent } from '../delivery/outcome.ts';
import { formatSender, nameInPayload } from '../delivery/payloads.ts';
import { type Json, recordsOf } from '../json.ts';
import { showMessage } from '../workspace/show.ts';
import { findElement } from './form.ts';
import { findSeen, type ViewMeans } from './forms.ts';
import { formatViewAction } from './payloads.ts';
import { findSuggestionFaults, placeOfMessage, readSuggestions, type SuggestedGroup } from './suggestions.ts';

/** Typing into an external select: https://docs.slack.dev/reference/interaction-payloads/block_suggestion-payload */

export interface Suggesting {
  readonly user: string;
  /** In a view, or in the message with this `channel` and `ts`. */
  readonly viewId?: string;
  readonly channel?: string;
  readonly ts?: string;
  readonly actionId: string;
  readonly blockId?: string;
  readonly query: string;
}

export interface Suggested {
  readonly ok: boolean;
  /** `query_too_short` where Slack would not ask yet. */
  readonly error: string | null;
  readonly groups: readonly SuggestedGroup[];
}

/** Asks the app; what comes back can be chosen from then on. */
export async function suggest(means: ViewMeans, asking: Suggesting): Promise<Suggested> {
  const { workspace, courier, offered, report } = means;
  const fail = (error: string): Suggested => ({ ok: false, error, groups: [] });
  const user = findPresent(workspace, asking.user);
  if (user === undefined) return fail('user_not_found');
  const place = findPlace(means, asking);
  if (typeof place === 'string') return fail(place);
  const found = findElement(place.blocks, asking);
  if (found === undefined) return fail('action_not_found');
  const { element, actionId, blockId } = found;
  if (element.type !== 'external_select' && element.type !== 'multi_external_select')
    return fail('not_external');
  if (asking.query.length < Number(element.min_query_length)) return fail('query_too_short');
  const payload = {
    ...formatSender('block_suggestion', user, workspace.settings),
    ...place.fields,
    action_id: actionId,
    block_id: blockId,
    value: asking.query,
  };
  const delivered = await courier.deliver({ kind: 'interactive', acceptsResponse: true, payload });
  if (!delivered.ok) return fail(delivered.error);
  const faults = findSuggestionFaults(delivered.body);
  if (faults.length > 0) {
    report('block_suggestion', 'invalid_options', delivered.body, faults);
    return fail('invalid_options');
  }
  const groups = readSuggestions(delivered.body);
  const options = groups.flatMap((group) => group.options);
  offered.add(place.key, blockId, actionId, options);
  return { ok: true, error: null, groups };
}

interface AskedPlace {
  readonly key: string;
  readonly blocks: readonly Json[];
  readonly fields: Json;
}

function findPlace(means: ViewMeans, asking: Suggesting): AskedPlace | string {
  const { workspace, baseUrl } = means;
  if (asking.viewId !== undefined) {
    const seen = findSeen(means, asking.user, asking.viewId);
    if (typeof seen === 'string') return seen;
    const { stored } = seen;
    const { container, view } = formatViewAction(stored, {}, '', {}, workspace.settings);
    return { key: stored.id, blocks: recordsOf(stored.view, 'blocks'), fields: { container, view } };
  }
  const channel = workspace.findChannel(asking.channel ?? '');
  if (channel === undefined || !workspace.canSee(asking.user, channel)) return 'channel_not_found';
  const ts = asking.ts ?? '';
  const message = workspace.findMessage(channel.id, ts) ?? workspace.findEphemeral(asking.user, ts);
  if (message === undefined) return 'message_not_found';
  const isEphemeral = message.onlyFor !== null;
  return {
    key: placeOfMessage(message),
    blocks: message.blocks,
    fields: {
      container: {
        type: 'message',
        message_ts: message.ts,
        channel_id: channel.id,
        is_ephemeral: isEphemeral,
      },
      channel: { id: channel.id, name: nameInPayload(channel) },
      ...(isEphemeral ? {} : { message: showMessage(message, workspace, baseUrl()) }),
    },
  };
}
