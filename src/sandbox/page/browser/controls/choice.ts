import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { useContext, useRef, useState } from 'preact/hooks';
import { type Json, recordOf, recordsOf, textOf } from '../../../slack/json.ts';
import { labelOf } from '../blocks/label.ts';
import {
  ActionsContext,
  DirectoryContext,
  listConversations,
  listOptions,
  type OptionGroup,
  takesMany,
} from '../surfaces/form.ts';
import { Combobox } from './combobox.ts';

/** Every kind of select. In a message it is a button that opens; in a form it stands open to be typed into. */

export interface ChoiceProps {
  readonly element: Json;
  readonly blockId: string;
  /** The words of the input block around it. */
  readonly label?: string;
  readonly describedBy?: string | null;
  /** Of the input, for its label. */
  readonly id?: string;
  /** False in an input block: the app hears of it when the form is sent. */
  readonly isDispatched: boolean;
}

/** Slack's default for `min_query_length`. */
const USUAL_MIN_QUERY = 3;

const CHOICES = ['static_select', 'external_select', 'multi_external_select', 'conversations_select'];

export function isChoice(element: Json): boolean {
  return CHOICES.includes(String(element.type));
}

export function Choice({ element, blockId, label, describedBy, id, isDispatched }: ChoiceProps): VNode {
  const actions = useContext(ActionsContext);
  const directory = useContext(DirectoryContext);
  const [isOpen, setOpen] = useState(false);
  /** Chosen in a message: there it is nobody's business but the app's. */
  const [picked, setPicked] = useState<readonly Json[]>([]);
  const opener = useRef<HTMLButtonElement>(null);
  /** Words for values that came from the app. */
  const seen = useRef(new Map<unknown, Json>());
  const { form } = actions;
  const actionId = textOf(element, 'action_id') ?? '';
  const type = String(element.type);
  const isMany = takesMany(element);
  const placeholder = labelOf(element, 'placeholder') || (isMany ? 'Choose some' : 'Choose one');

  const own = type === 'conversations_select' ? listConversations(element, directory) : listOptions(element);
  for (const option of own) seen.current.set(option.value, option);
  for (const option of listInitial(element)) seen.current.set(option.value, option);
  const state = form?.stateOf(blockId, actionId) ?? {};
  for (const option of listChosen(state)) seen.current.set(option.value, option);
  const wordsOf = (value: string): Json =>
    seen.current.get(value) ?? { value, text: { type: 'plain_text', text: value } };
  const chosen =
    form === null
      ? picked.length > 0
        ? picked
        : listInitial(element)
      : form.valueOf(blockId, actionId).map(wordsOf);

  const isExternal = type.endsWith('external_select');
  const find = async (query: string): Promise<readonly OptionGroup[] | string> => {
    if (!isExternal) return [{ label: null, options: filterOptions(own, query) }];
    const { min_query_length: min } = element;
    const least = typeof min === 'number' ? min : USUAL_MIN_QUERY;
    if (query.length < least)
      return least === 1 ? 'Type to search.' : `Type at least ${least} characters to search.`;
    const suggested = await actions.suggest(actionId, blockId, query);
    if (!suggested.ok) return suggested.message;
    for (const option of suggested.groups.flatMap((group) => group.options))
      seen.current.set(option.value, option);
    return suggested.groups;
  };
  const change = (options: readonly Json[]): void => {
    const values = options.map((option) => textOf(option, 'value') ?? '');
    if (form === null) setPicked(options);
    else form.change(blockId, actionId, values);
    if (isDispatched) void actions.press(actionId, blockId, values);
  };
  const maxChosen = typeof element.max_selected_items === 'number' ? element.max_selected_items : 100;
  const error = actions.errorOf(actionId);
  const complaint =
    error === undefined ? null : html`<span class="action-error" role="alert">⚠ ${error}</span>`;

  if (form !== null)
    return html`<div class="choice">
      <${Combobox} isSlow=${isExternal} label=${label ?? placeholder} placeholder=${placeholder} chosen=${chosen} isMany=${isMany} maxChosen=${maxChosen}
        isInvalid=${form.errorOf(blockId) !== undefined} describedBy=${describedBy ?? null} inputId=${id} find=${find} onChange=${change} />
      ${complaint}
    </div>`;
  const leave = (): void => {
    setOpen(false);
    // Only once the list is gone can the button have the focus again.
    requestAnimationFrame(() => opener.current?.focus());
  };
  const words = chosen.map((option) => labelOf(option, 'text')).join(', ');
  return html`<span class="action">
    ${
      isOpen
        ? html`<${Combobox} isSlow=${isExternal} label=${placeholder} placeholder="Search…" chosen=${isMany ? chosen : []} isMany=${isMany} maxChosen=${maxChosen} isFocused=${true}
            find=${find} onChange=${change} onLeave=${leave} />`
        : html`<button ref=${opener} type="button" class="button is-select" aria-haspopup="listbox" aria-expanded="false"
            aria-label=${words === '' ? placeholder : `${placeholder}: ${words}`} onClick=${() => setOpen(true)}>
            ${words || placeholder}<span class="combobox-sign" aria-hidden="true">▾</span>
          </button>`
    }
    ${complaint}
  </span>`;
}

function listInitial(element: Json): readonly Json[] {
  const one = recordOf(element, 'initial_option');
  return one === undefined ? recordsOf(element, 'initial_options') : [one];
}

function listChosen(state: Json): readonly Json[] {
  const one = recordOf(state, 'selected_option');
  return one === undefined ? recordsOf(state, 'selected_options') : [one];
}

function filterOptions(options: readonly Json[], query: string): readonly Json[] {
  const words = query.trim().toLowerCase();
  return options.filter((option) => labelOf(option, 'text').toLowerCase().includes(words));
}
