import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { useContext, useId, useRef } from 'preact/hooks';
import { type Json, recordOf, textOf } from '../../../slack/json.ts';
import { labelOf } from '../blocks/label.ts';
import { NotShown } from '../blocks/not-shown.ts';
import { ActionsContext } from '../surfaces/form.ts';
import { ChoiceInput, isChoiceInput } from './choice.ts';

/** Input blocks, and the inputs themselves. The app hears of them when the form is sent. */

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
  const words = html`${label}${block.optional === true ? html`<span class="optional"> (optional)</span>` : null}`;
  const input = html`<${Input} element=${element} blockId=${blockId} label=${label} describedBy=${describedBy} id=${id} />`;
  return html`<div class=${`input${error === undefined ? '' : ' is-invalid'}`} data-block-id=${blockId}>
    <label for=${id}>${words}</label>${input}
    ${error === undefined ? null : html`<p class="input-error" id=${`${id}-error`} role="alert">⚠ ${error}</p>`}
    ${hint === '' ? null : html`<p class="hint" id=${`${id}-hint`}>${hint}</p>`}
  </div>`;
}

interface InputProps {
  readonly element: Json;
  readonly blockId: string;
  readonly label: string;
  readonly describedBy: string | null;
  readonly id: string;
}

function Input(props: InputProps): VNode {
  const { element } = props;
  if (isChoiceInput(element)) return html`<${ChoiceInput} ...${props} />`;
  if (element.type === 'plain_text_input') return html`<${TextInput} ...${props} />`;
  return html`<${NotShown} type=${element.type} />`;
}

function TextInput({ element, blockId, describedBy, id }: InputProps): VNode {
  const { form } = useContext(ActionsContext);
  const field = useRef<HTMLTextAreaElement & HTMLInputElement>(null);
  const actionId = textOf(element, 'action_id') ?? '';
  const [value = ''] = form?.valueOf(blockId, actionId) ?? [];
  const isLong = element.multiline === true;
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
    },
    onKeyDown: (event: KeyboardEvent) => {
      if (event.key !== 'Enter' || event.isComposing) return;
      if (isLong && (event.ctrlKey || event.metaKey)) field.current?.form?.requestSubmit();
    },
  };
  if (isLong) return html`<textarea ref=${field} rows="4" ...${common}></textarea>`;
  return html`<input ref=${field} type="text" ...${common} />`;
}
