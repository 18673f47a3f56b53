import { createContext } from 'preact';
import { type Json, recordOf, recordsOf, textOf } from '../../../slack/json.ts';
import type { PageChannel, PageSuggested, PageValues } from '../../../slack/page-api.ts';

/** What a press or a change does, in a message, a modal or on the Home tab. */
export interface Actions {
  press(actionId: string, blockId: string | undefined, values?: readonly string[]): Promise<void>;
  errorOf(actionId: string): string | undefined;
  suggest(actionId: string, blockId: string | undefined, query: string): Promise<PageSuggested>;
  /** Null in messages: what is chosen there goes to the app at once. */
  readonly form: Form | null;
}

/** What stands in the inputs of a modal or the Home tab until it is sent. */
export interface Form {
  /** As Slack's `state.values` has it. */
  stateOf(blockId: string, actionId: string): Json;
  valueOf(blockId: string, actionId: string): readonly string[];
  change(blockId: string, actionId: string, values: readonly string[]): void;
  errorOf(blockId: string): string | undefined;
}

export const ActionsContext = createContext<Actions>({
  press: async () => {},
  errorOf: () => undefined,
  suggest: async () => ({ ok: true, groups: [] }),
  form: null,
});

/** The conversations that the person sees. */
export const DirectoryContext = createContext<readonly PageChannel[]>([]);

/** Those that the filter of a `conversations_select` lets through, as options. */
export function listConversations(element: Json, channels: readonly PageChannel[]): readonly Json[] {
  const include = recordOf(element, 'filter')?.include;
  return channels
    .filter(({ kind }) => Array.isArray(include) && include.includes(kind))
    .map(({ id, name }) => ({ value: id, text: { type: 'plain_text', text: `#${name}` } }));
}

/** What of one element's state was chosen or typed, as texts. */
export function readState(state: Json): readonly string[] {
  const values = Object.entries(state).flatMap(([name, value]) => {
    if (name === 'type' || value === null || value === undefined) return [];
    if (name === 'selected_option') return textOf(recordOf(state, name) ?? {}, 'value') ?? [];
    if (name === 'selected_options')
      return recordsOf(state, name).flatMap((option) => textOf(option, 'value') ?? []);
    return String(value);
  });
  return values.filter((value) => value !== '');
}

export function takesMany(element: Json): boolean {
  return element.type === 'multi_external_select';
}

/** All that was changed here and not sent yet, in the shape of the page's API. */
export type Edits = Readonly<
  Record<string, { readonly values: readonly string[]; readonly isMany: boolean }>
>;

export function formatEdits(edits: Edits): PageValues {
  const entries = Object.entries(edits).map(([key, { values, isMany }]) => [
    key,
    isMany ? values : (values[0] ?? null),
  ]);
  return Object.fromEntries(entries);
}

/** The options an element brings along. */
export function listOptions(element: Json): readonly Json[] {
  return recordsOf(element, 'options');
}

export interface OptionGroup {
  readonly label: Json | null;
  readonly options: readonly Json[];
}
