import { listActions } from '../blocks/message-blocks.ts';
import { type Json, recordsOf, textOf } from '../json.ts';

/** What a person fills in: https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload */

/** `state.values`: by `block_id`, then by `action_id`. */
export type FormState = Readonly<Record<string, Readonly<Record<string, Json>>>>;

/** A text, a chosen `value` or id, several of them; null and `[]` are nothing. */
export type FormValue = string | readonly string[] | null;

export interface FormElement {
  readonly block: Json;
  readonly element: Json;
  readonly blockId: string;
  readonly actionId: string;
}

/** All that a person may press or fill in. */
export function listElements(blocks: readonly Json[]): readonly FormElement[] {
  return blocks.flatMap((block) =>
    listActions(block).flatMap((element) => {
      const actionId = textOf(element, 'action_id');
      const blockId = textOf(block, 'block_id') ?? '';
      return actionId === undefined ? [] : [{ block, element, blockId, actionId }];
    }),
  );
}

export function findElement(
  blocks: readonly Json[],
  sought: { readonly actionId: string; readonly blockId?: string },
): FormElement | undefined {
  return listElements(blocks).find(
    ({ actionId, blockId }) =>
      actionId === sought.actionId && (sought.blockId === undefined || sought.blockId === blockId),
  );
}

type Kept = 'selected_option' | 'selected_options' | 'selected_conversation' | 'value';

/** Where the state of each kind of element has what stands in it; a button keeps nothing. */
const KEPT: Readonly<Record<string, Kept>> = {
  static_select: 'selected_option',
  external_select: 'selected_option',
  multi_external_select: 'selected_options',
  conversations_select: 'selected_conversation',
  plain_text_input: 'value',
};

function keptBy(element: Json): Kept | undefined {
  return KEPT[String(element.type)];
}

/** The initial values; what was filled in before stays. `current`: where the person is, if it is offered here. */
export function startForm(
  blocks: readonly Json[],
  current: (element: Json) => string | null,
  before: FormState,
): FormState {
  const state: Record<string, Record<string, Json>> = {};
  for (const { blockId, actionId, element } of listElements(blocks)) {
    const kept = keptBy(element);
    if (kept === undefined) continue;
    const { type } = element;
    const old = before[blockId]?.[actionId];
    const now =
      old !== undefined && old.type === type ? old : { type, [kept]: readInitial(element, kept, current) };
    state[blockId] = { ...state[blockId], [actionId]: now };
  }
  return state;
}

function readInitial(element: Json, kept: Kept, current: (element: Json) => string | null): unknown {
  const initial = element[`initial_${kept.replace('selected_', '')}`];
  if (initial !== undefined) return initial;
  if (kept === 'selected_options') return [];
  return element.default_to_current_conversation === true ? current(element) : null;
}

export interface FormSources {
  /** What the app has suggested for this element so far. */
  suggested(blockId: string, actionId: string): readonly Json[];
  /** Whether a `conversations_select` offers the person this one. */
  offersConversation(element: Json, id: string): boolean;
}

/** The state of one element once this was chosen; a string where it cannot be chosen. */
export function fillElement(
  { element, blockId, actionId }: FormElement,
  value: FormValue,
  sources: FormSources,
): Json | string {
  const { type } = element;
  const kept = keptBy(element);
  if (kept === undefined) return 'not_an_input';
  const values = value === null || value === '' ? [] : typeof value === 'string' ? [value] : value;
  const [first = null] = values;
  if (kept !== 'selected_options' && values.length > 1) return 'only_one_value';
  if (kept === 'value') return { type, value: first };
  if (kept === 'selected_conversation')
    return first === null || sources.offersConversation(element, first)
      ? { type, selected_conversation: first }
      : 'invalid_option';
  const choice = [...recordsOf(element, 'options'), ...sources.suggested(blockId, actionId)];
  const chosen = values.map((each) => choice.find((option) => option.value === each));
  // Nobody can choose what was not offered.
  if (chosen.includes(undefined)) return 'invalid_option';
  return { type, [kept]: kept === 'selected_options' ? chosen : (chosen[0] ?? null) };
}

/** The words under the input, as Slack's own client has them before it sends anything; null where it is fine. */
export function findInputFault({ block, element }: FormElement, state: Json): string | null {
  const kept = keptBy(element);
  const filled = kept === undefined ? undefined : state[kept];
  const isEmpty = filled === null || filled === undefined || (Array.isArray(filled) && filled.length === 0);
  if (isEmpty) return block.optional === true ? null : 'Please complete this required field.';
  const limit = (name: string, usual: number): number => {
    const value = element[name];
    return typeof value === 'number' ? value : usual;
  };
  if (typeof filled === 'string' && kept === 'value') {
    const longest = limit('max_length', 3_000);
    if (filled.length > longest) return `Please enter no more than ${longest} characters.`;
  }
  const most = limit('max_selected_items', Number.POSITIVE_INFINITY);
  return Array.isArray(filled) && filled.length > most ? `Please choose no more than ${most}.` : null;
}
