import { isRecord, type Json, recordOf, recordsOf, textOf } from '../json.ts';
import { ApiError } from '../web-api/api-call.ts';
import { checkView } from '../web-api/views.ts';
import type { Workspace } from '../workspace/workspace.ts';
import {
  type FormSources,
  type FormState,
  type FormValue,
  fillElement,
  findInputFault,
  listElements,
} from './form.ts';
import type { StoredView, ViewStore } from './view-store.ts';

/** Sending a modal: what the client refuses by itself, and what the app's ack does to it. */

/** By `action_id`, or `block_id/action_id` where several blocks have the same. */
export type FormValues = Readonly<Record<string, FormValue>>;

export interface Filled {
  readonly state: FormState;
  /** By `block_id`: the words under the input. */
  readonly errors: Readonly<Record<string, string>>;
  /** What nobody could have chosen: `invalid_option: ACTION`, `unknown_input: KEY`; null where all is well. */
  readonly fault: string | null;
}

/** What stands in the form once these were filled in; what is not named stays. */
export function fillForm(stored: StoredView, values: FormValues, sources: FormSources): Filled {
  const elements = listElements(recordsOf(stored.view, 'blocks'));
  const state: Record<string, Record<string, Json>> = {};
  for (const [blockId, actions] of Object.entries(stored.state)) state[blockId] = { ...actions };
  const errors: Record<string, string> = {};
  let fault: string | null = null;
  const known = elements.flatMap(({ blockId, actionId }) => [actionId, `${blockId}/${actionId}`]);
  const unknown = Object.keys(values).find((key) => !known.includes(key));
  if (unknown !== undefined) fault = `unknown_input: ${unknown}`;
  for (const each of elements) {
    const { blockId, actionId, block } = each;
    const named = `${blockId}/${actionId}`;
    // Null is an answer: what stood there is gone.
    const value = values[named] === undefined ? values[actionId] : values[named];
    if (value !== undefined) {
      const filled = fillElement(each, value, sources);
      if (typeof filled === 'string') fault ??= `${filled}: ${actionId}`;
      else state[blockId] = { ...state[blockId], [actionId]: filled };
    }
    const now = state[blockId]?.[actionId];
    const wrong = block.type === 'input' && now !== undefined ? findInputFault(each, now) : null;
    if (wrong !== null) errors[blockId] = wrong;
  }
  return { state, errors, fault };
}

export type Answered =
  | { readonly kind: 'done' }
  | { readonly kind: 'errors'; readonly errors: Readonly<Record<string, string>> }
  /** The app answered what Slack does not take: "We had some trouble connecting." */
  | { readonly kind: 'refused'; readonly error: string; readonly details: readonly string[] };

function refuse(error: string, details: readonly string[] = []): Answered {
  return { kind: 'refused', error, details };
}

/** Does what the ack of a `view_submission` says: https://docs.slack.dev/surfaces/modals#response_actions */
export function applyAnswer(
  body: Json,
  stored: StoredView,
  views: ViewStore,
  workspace: Workspace,
): Answered {
  const open = views.modal(stored.user);
  const now = open?.id === stored.id ? open : undefined;
  switch (body.response_action) {
    case undefined:
      if (Object.keys(body).length > 0) return refuse('invalid_response_action', Object.keys(body));
      if (now !== undefined) views.close(now);
      return { kind: 'done' };
    case 'errors':
      return readErrors(body, stored) ?? refuse('invalid_errors');
    case 'update': {
      const view = recordOf(body, 'view');
      if (view === undefined) return refuse('missing_view');
      try {
        const checked = checkView(view, 'modal', workspace);
        if (now !== undefined) views.update(now, checked);
        return { kind: 'done' };
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        return refuse(error.code, messagesOf(error.extra));
      }
    }
    default:
      return refuse('invalid_response_action', [
        `the sandbox does not have response_action ${body.response_action}`,
      ]);
  }
}

/** Each for an input block of this view, and at least one; Slack shows nothing for any other. */
function readErrors(body: Json, { view }: StoredView): Answered | null {
  const { errors } = body;
  if (!isRecord(errors) || Object.keys(errors).length === 0) return null;
  const inputs = recordsOf(view, 'blocks').filter(({ type }) => type === 'input');
  const read: Record<string, string> = {};
  for (const [blockId, words] of Object.entries(errors)) {
    if (typeof words !== 'string' || words === '') return null;
    if (!inputs.some((block) => textOf(block, 'block_id') === blockId)) return null;
    read[blockId] = words;
  }
  return { kind: 'errors', errors: read };
}

function messagesOf(extra: Json): readonly string[] {
  const { messages } = recordOf(extra, 'response_metadata') ?? {};
  return Array.isArray(messages) ? messages.map(String) : [];
}
