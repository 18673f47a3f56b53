import { listActions } from '../blocks/message-blocks.ts';
import { type Json, recordOf, recordsOf, textOf } from '../json.ts';

/** What a person fills in: https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload */

/** `state.values`: by `block_id`, then by `action_id`. */
export type FormState = Readonly<Record<string, Readonly<Record<string, Json>>>>;

/** A text, a chosen `value` or id, several of them, ids of files; null and `[]` are nothing. */
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
    [block, ...recordsOf(block, 'child_blocks')].flatMap((each) =>
      each.type === 'container'
        ? []
        : listActions(each, '').flatMap(({ action }) => {
            const actionId = textOf(action, 'action_id');
            const blockId = textOf(each, 'block_id') ?? '';
            return actionId === undefined ? [] : [{ block: each, element: action, blockId, actionId }];
          }),
    ),
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

/** How the state names what was chosen, and whether it is many. */
const IDS: Readonly<Record<string, string>> = {
  users_select: 'selected_user',
  conversations_select: 'selected_conversation',
  channels_select: 'selected_channel',
  datepicker: 'selected_date',
  timepicker: 'selected_time',
  datetimepicker: 'selected_date_time',
  multi_users_select: 'selected_users',
  multi_conversations_select: 'selected_conversations',
  multi_channels_select: 'selected_channels',
};
const OPTIONS = ['static_select', 'external_select', 'radio_buttons'];
const MANY_OPTIONS = ['multi_static_select', 'multi_external_select', 'checkboxes'];
const TEXTS = ['plain_text_input', 'email_text_input', 'url_text_input', 'number_input', 'rich_text_input'];

/** Buttons and overflow menus keep nothing. */
function isStateful(type: string): boolean {
  return (
    type in IDS ||
    OPTIONS.includes(type) ||
    MANY_OPTIONS.includes(type) ||
    TEXTS.includes(type) ||
    type === 'file_input'
  );
}

/** The initial values; what was filled in before stays. */
export function startForm(blocks: readonly Json[], channel: string | null, before: FormState): FormState {
  const state: Record<string, Record<string, Json>> = {};
  for (const { blockId, actionId, element } of listElements(blocks)) {
    const type = String(element.type);
    if (!isStateful(type)) continue;
    const kept = before[blockId]?.[actionId];
    const first = kept?.type === type ? keepOffered(element, kept) : readInitial(element, type, channel);
    state[blockId] = { ...state[blockId], [actionId]: first };
  }
  return state;
}

function readInitial(element: Json, type: string, channel: string | null): Json {
  const name = IDS[type];
  if (name !== undefined) {
    const initial = element[`initial_${name.replace('selected_', '')}`];
    const here = element.default_to_current_conversation === true ? channel : null;
    const isMany = type.startsWith('multi_');
    return { type, [name]: initial ?? (isMany ? (here === null ? [] : [here]) : here) };
  }
  if (OPTIONS.includes(type)) return { type, selected_option: element.initial_option ?? null };
  if (MANY_OPTIONS.includes(type)) return { type, selected_options: element.initial_options ?? [] };
  if (type === 'file_input') return { type, files: [] };
  if (type === 'rich_text_input') return { type, rich_text_value: element.initial_value ?? null };
  return { type, value: element.initial_value ?? null };
}

/** An update may have taken away what was chosen. */
function keepOffered(element: Json, kept: Json): Json {
  const values = listOptions(element)?.map((option) => option.value);
  if (values === undefined) return kept;
  if (Array.isArray(kept.selected_options))
    return {
      ...kept,
      selected_options: recordsOf(kept, 'selected_options').filter(({ value }) => values.includes(value)),
    };
  const chosen = recordOf(kept, 'selected_option');
  return chosen === undefined || values.includes(chosen.value) ? kept : { ...kept, selected_option: null };
}

/** Of a select that brings its options along; undefined where the app is asked for them, and for no select. */
export function listOptions(element: Json): readonly Json[] | undefined {
  if (element.options === undefined && element.option_groups === undefined) return undefined;
  const groups = recordsOf(element, 'option_groups').flatMap((group) => recordsOf(group, 'options'));
  return [...recordsOf(element, 'options'), ...groups];
}

export interface FormWorld {
  /** What the app has suggested for this element so far, besides its initial options. */
  offered(blockId: string, actionId: string): readonly Json[];
  /** Undefined where there is no such file. */
  showFile(id: string): Json | undefined;
}

/** The state of one element once this was chosen; a string where it cannot be chosen. */
export function fillElement(
  { element, blockId, actionId }: FormElement,
  value: FormValue,
  world: FormWorld,
): Json | string {
  const type = String(element.type);
  const values = value === null || value === '' ? [] : typeof value === 'string' ? [value] : value;
  const [first = null] = values;
  const isMany = type.startsWith('multi_') || type === 'checkboxes' || type === 'file_input';
  if (!isMany && values.length > 1) return 'only_one_value';
  const name = IDS[type];
  if (name !== undefined) {
    if (isMany) return { type, [name]: values };
    return { type, [name]: type === 'datetimepicker' && first !== null ? Number(first) : first };
  }
  if (type === 'file_input') {
    const files = values.map((id) => world.showFile(id));
    return files.includes(undefined) ? 'file_not_found' : { type, files };
  }
  if (TEXTS.includes(type))
    return type === 'rich_text_input'
      ? { type, rich_text_value: first === null ? null : formatRichText(first) }
      : { type, value: first };
  if (!OPTIONS.includes(type) && !MANY_OPTIONS.includes(type) && type !== 'overflow') return 'not_an_input';
  const choice = [
    ...(listOptions(element) ?? []),
    ...world.offered(blockId, actionId),
    ...recordsOf(element, 'initial_options'),
    ...(recordOf(element, 'initial_option') === undefined ? [] : [recordOf(element, 'initial_option') ?? {}]),
  ];
  const chosen = values.map((each) => choice.find((option) => option.value === each));
  // Nobody can choose what was not offered.
  if (chosen.includes(undefined)) return 'invalid_option';
  return isMany ? { type, selected_options: chosen } : { type, selected_option: chosen[0] ?? null };
}

function formatRichText(text: string): Json {
  const section = { type: 'rich_text_section', elements: [{ type: 'text', text }] };
  return { type: 'rich_text', elements: [section] };
}

/** The words under the input, as Slack's own client has them before it sends anything; null where it is fine. */
export function findInputFault({ block, element }: FormElement, state: Json): string | null {
  const type = String(element.type);
  const filled = Object.entries(state).find(([name]) => name !== 'type')?.[1];
  const isEmpty =
    filled === null ||
    filled === undefined ||
    filled === '' ||
    (Array.isArray(filled) && filled.length === 0);
  if (isEmpty) return block.optional === true ? null : 'Please complete this required field.';
  const limit = (name: string): number | undefined => {
    const value = element[name];
    return typeof value === 'number' ? value : undefined;
  };
  if (typeof filled === 'string' && type === 'plain_text_input') {
    if (filled.length < (limit('min_length') ?? 0))
      return `Please enter at least ${limit('min_length')} characters.`;
    if (filled.length > (limit('max_length') ?? 3_000))
      return `Please enter no more than ${limit('max_length') ?? 3_000} characters.`;
  }
  if (typeof filled === 'string' && type === 'number_input') {
    const number = Number(filled);
    if (Number.isNaN(number)) return 'Please enter a number.';
    if (element.is_decimal_allowed !== true && !Number.isInteger(number))
      return 'Please enter a whole number.';
    if (element.min_value !== undefined && number < Number(element.min_value))
      return `Please enter a number no less than ${element.min_value}.`;
    if (element.max_value !== undefined && number > Number(element.max_value))
      return `Please enter a number no greater than ${element.max_value}.`;
  }
  const most = type === 'file_input' ? (limit('max_files') ?? 10) : limit('max_selected_items');
  if (Array.isArray(filled) && filled.length > (most ?? Number.POSITIVE_INFINITY))
    return `Please choose no more than ${most}.`;
  return null;
}
