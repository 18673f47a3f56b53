import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { useContext, useEffect, useId, useRef } from 'preact/hooks';
import { type Json, recordOf, recordsOf, textOf } from '../../../slack/json.ts';
import { labelOf } from '../blocks/label.ts';
import { ActionsContext } from '../surfaces/form.ts';
import { TextObject } from '../text/text.ts';
import { Choice, isChoice } from './choice.ts';
import { FileInput } from './file-input.ts';

/** Input blocks, and the inputs themselves: text, dates, checkboxes, radio buttons. */

export function InputBlock({ block }: { block: Json }): VNode {
  const { form } = useContext(ActionsContext);
  const id = useId();
  const element = recordOf(block, 'element') ?? {};
  const blockId = textOf(block, 'block_id') ?? '';
  const error = form?.errorOf(blockId);
  const hint = labelOf(block, 'hint');
  const label = labelOf(block, 'label');
  const notes = [error === undefined ? null : `${id}-error`, hint === '' ? null : `${id}-hint`];
  const describedBy = notes.filter(Boolean).join(' ') || null;
  const isGroup = element.type === 'checkboxes' || element.type === 'radio_buttons';
  const words = html`${label}${block.optional === true ? html`<span class="optional"> (optional)</span>` : null}`;
  const input = html`<${Input} element=${element} blockId=${blockId} label=${label} describedBy=${describedBy}
    isDispatched=${block.dispatch_action === true} id=${id} />`;
  return html`<div class=${`input${error === undefined ? '' : ' is-invalid'}`} data-block-id=${blockId}>
    ${
      isGroup
        ? html`<fieldset aria-describedby=${describedBy}><legend>${words}</legend>${input}</fieldset>`
        : html`<label for=${id}>${words}</label>${input}`
    }
    ${error === undefined ? null : html`<p class="input-error" id=${`${id}-error`} role="alert">⚠ ${error}</p>`}
    ${hint === '' ? null : html`<p class="hint" id=${`${id}-hint`}>${hint}</p>`}
  </div>`;
}

interface InputProps {
  readonly element: Json;
  readonly blockId: string;
  readonly label: string;
  readonly describedBy: string | null;
  readonly isDispatched: boolean;
  readonly id: string;
}

const TYPES: Readonly<Record<string, string>> = {
  plain_text_input: 'text',
  email_text_input: 'email',
  url_text_input: 'url',
  number_input: 'text',
  datepicker: 'date',
  timepicker: 'time',
};

function Input(props: InputProps): VNode {
  const { element } = props;
  const type = String(element.type);
  if (isChoice(element)) return html`<${Choice} ...${props} />`;
  if (type === 'checkboxes' || type === 'radio_buttons') return html`<${Checks} ...${props} />`;
  if (type in TYPES || type === 'rich_text_input') return html`<${TextInput} ...${props} />`;
  if (type === 'file_input') return html`<${FileInput} ...${props} />`;
  return html`<span class="unsupported">Unsupported element: ${type}</span>`;
}

function TextInput({ element, blockId, describedBy, isDispatched, id }: InputProps): VNode {
  const actions = useContext(ActionsContext);
  const field = useRef<HTMLTextAreaElement & HTMLInputElement>(null);
  const actionId = textOf(element, 'action_id') ?? '';
  const { form } = actions;
  const [value = ''] = form?.valueOf(blockId, actionId) ?? [];
  const type = String(element.type);
  const isLong = element.multiline === true || type === 'rich_text_input';
  const triggers = recordOf(element, 'dispatch_action_config')?.trigger_actions_on;
  const isEager = Array.isArray(triggers) && triggers.includes('on_character_entered');
  const typing = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(typing.current), []);
  const tell = (words: string): void => void actions.press(actionId, blockId, words === '' ? [] : [words]);
  const common = {
    id,
    value,
    placeholder: labelOf(element, 'placeholder') || null,
    'aria-invalid': form?.errorOf(blockId) !== undefined,
    'aria-describedby': describedBy,
    spellcheck: false,
    autocomplete: 'off',
    maxLength: typeof element.max_length === 'number' ? element.max_length : 3_000,
    onInput: (event: Event) => {
      const { currentTarget: target } = event;
      if (!(target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement)) return;
      const words = target.value;
      form?.change(blockId, actionId, words === '' ? [] : [words]);
      clearTimeout(typing.current);
      if (isDispatched && (isEager || type.endsWith('picker')))
        typing.current = setTimeout(() => tell(words), TYPING_MS);
    },
    onKeyDown: (event: KeyboardEvent) => {
      if (event.key !== 'Enter' || event.isComposing) return;
      if (isLong && (event.ctrlKey || event.metaKey)) field.current?.form?.requestSubmit();
      if (isDispatched && !isEager && !isLong) {
        event.preventDefault();
        tell(value);
      }
    },
  };
  if (isLong) return html`<textarea ref=${field} rows="4" ...${common}></textarea>`;
  return html`<input ref=${field} type=${TYPES[type] ?? 'text'} inputmode=${type === 'number_input' ? 'decimal' : null} ...${common} />`;
}

const TYPING_MS = 250;

/** Checkboxes and radio buttons; in an actions block or beside a section the app hears of each change. */
export function Checks({
  element,
  blockId,
  isDispatched,
}: Pick<InputProps, 'element' | 'blockId' | 'isDispatched'>): VNode {
  const actions = useContext(ActionsContext);
  const name = useId();
  const actionId = textOf(element, 'action_id') ?? '';
  const { form } = actions;
  const values = form?.valueOf(blockId, actionId) ?? [];
  const isMany = element.type === 'checkboxes';
  const options = recordsOf(element, 'options');
  const toggle = (value: string, isOn: boolean): void => {
    const next = isMany
      ? options
          .map((option) => textOf(option, 'value') ?? '')
          .filter((each) => (each === value ? isOn : values.includes(each)))
      : [value];
    form?.change(blockId, actionId, next);
    if (isDispatched) void actions.press(actionId, blockId, next);
  };
  return html`<div class="checks">
    ${options.map((option) => {
      const value = textOf(option, 'value') ?? '';
      const description = recordOf(option, 'description');
      return html`<label class="check" key=${value}>
        <input type=${isMany ? 'checkbox' : 'radio'} name=${name} value=${value} checked=${values.includes(value)}
          onChange=${(event: Event) => {
            if (event.currentTarget instanceof HTMLInputElement) toggle(value, event.currentTarget.checked);
          }} />
        <span><span class="check-text"><${TextObject} object=${recordOf(option, 'text') ?? {}} /></span>
        ${description === undefined ? null : html`<span class="check-note"><${TextObject} object=${description} /></span>`}</span>
      </label>`;
    })}
  </div>`;
}
