import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { useContext, useRef, useState } from 'preact/hooks';
import { type Json, recordOf, recordsOf, textOf } from '../../../slack/json.ts';
import { labelOf } from '../blocks/label.ts';
import {
  type Actions,
  ActionsContext,
  DirectoryContext,
  listConversations,
  listOptions,
  type OptionGroup,
  takesMany,
} from '../surfaces/form.ts';
import { Combobox } from './combobox.ts';

/** Every kind of select. In a form it stands open to be typed into; in a message it is a button that opens. */

export interface ChoiceInputProps {
  readonly element: Json;
  readonly blockId: string;
  /** The words of the input block around it. */
  readonly label: string;
  readonly describedBy: string | null;
  /** Of the input, for its label. */
  readonly id: string;
}

const INPUTS = ['static_select', 'multi_external_select', 'conversations_select'];

export function isChoiceInput(element: Json): boolean {
  return INPUTS.includes(String(element.type));
}

export function ChoiceInput({ element, blockId, label, describedBy, id }: ChoiceInputProps): VNode {
  const actions = useContext(ActionsContext);
  const directory = useContext(DirectoryContext);
  /** Words for values that came from the app. */
  const seen = useRef(new Map<unknown, Json>());
  const { form } = actions;
  const actionId = textOf(element, 'action_id') ?? '';
  const isMany = takesMany(element);
  const own =
    element.type === 'conversations_select' ? listConversations(element, directory) : listOptions(element);
  const remember = (options: readonly Json[]): void => {
    for (const option of options) seen.current.set(option.value, option);
  };
  remember([...own, ...listChosen(form?.stateOf(blockId, actionId) ?? {})]);
  const chosen = (form?.valueOf(blockId, actionId) ?? []).map(
    (value) => seen.current.get(value) ?? { value, text: { type: 'plain_text', text: value } },
  );
  const find = async (query: string): Promise<readonly OptionGroup[] | string> => {
    if (!isMany) return [{ label: null, options: filterOptions(own, query) }];
    const found = await askApp(actions, element, blockId, query);
    if (typeof found !== 'string') remember(found.flatMap((group) => group.options));
    return found;
  };
  const change = (options: readonly Json[]): void =>
    form?.change(
      blockId,
      actionId,
      options.map((option) => textOf(option, 'value') ?? ''),
    );
  const placeholder = labelOf(element, 'placeholder') || (isMany ? 'Choose some' : 'Choose one');
  const maxChosen = typeof element.max_selected_items === 'number' ? element.max_selected_items : 100;
  return html`<div class="choice">
    <${Combobox} isSlow=${isMany} label=${label} placeholder=${placeholder} chosen=${chosen} isMany=${isMany} maxChosen=${maxChosen}
      isInvalid=${form?.errorOf(blockId) !== undefined} describedBy=${describedBy} inputId=${id} find=${find} onChange=${change} />
  </div>`;
}

/** An `external_select` of a message: what is chosen goes to the app at once. */
export function MessageSelect({ element, blockId }: { element: Json; blockId: string }): VNode {
  const actions = useContext(ActionsContext);
  const [isOpen, setOpen] = useState(false);
  const [picked, setPicked] = useState<Json>({});
  const opener = useRef<HTMLButtonElement>(null);
  const actionId = textOf(element, 'action_id') ?? '';
  const placeholder = labelOf(element, 'placeholder') || 'Choose one';
  const words = labelOf(picked, 'text');
  const error = actions.errorOf(actionId);
  const change = ([option = {}]: readonly Json[]): void => {
    setPicked(option);
    void actions.press(actionId, blockId, [textOf(option, 'value') ?? '']);
  };
  const leave = (): void => {
    setOpen(false);
    // Only once the list is gone can the button have the focus again.
    requestAnimationFrame(() => opener.current?.focus());
  };
  return html`<span class="action">
    ${
      isOpen
        ? html`<${Combobox} isSlow=${true} label=${placeholder} placeholder="Search…" chosen=${[]} isMany=${false} maxChosen=${1} isFocused=${true}
            find=${(query: string) => askApp(actions, element, blockId, query)} onChange=${change} onLeave=${leave} />`
        : html`<button ref=${opener} type="button" class="button is-select" aria-haspopup="listbox" aria-expanded="false"
            aria-label=${words === '' ? placeholder : `${placeholder}: ${words}`} onClick=${() => setOpen(true)}>
            ${words || placeholder}<span class="combobox-sign" aria-hidden="true">▾</span>
          </button>`
    }
    ${error === undefined ? null : html`<span class="action-error" role="alert">⚠ ${error}</span>`}
  </span>`;
}

/** What the app offers for these words; a string says why there is nothing. */
async function askApp(
  actions: Actions,
  element: Json,
  blockId: string,
  query: string,
): Promise<readonly OptionGroup[] | string> {
  const least = Number(element.min_query_length);
  if (query.length < least)
    return least === 1 ? 'Type to search.' : `Type at least ${least} characters to search.`;
  const suggested = await actions.suggest(textOf(element, 'action_id') ?? '', blockId, query);
  return suggested.ok ? suggested.groups : suggested.message;
}

function listChosen(state: Json): readonly Json[] {
  const one = recordOf(state, 'selected_option');
  return one === undefined ? recordsOf(state, 'selected_options') : [one];
}

function filterOptions(options: readonly Json[], query: string): readonly Json[] {
  const words = query.trim().toLowerCase();
  return options.filter((option) => labelOf(option, 'text').toLowerCase().includes(words));
}
