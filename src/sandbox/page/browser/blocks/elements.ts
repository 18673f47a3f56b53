import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { useContext, useRef, useState } from 'preact/hooks';
import { type Json, recordOf, textOf } from '../../../slack/json.ts';
import { MessageSelect } from '../controls/choice.ts';
import { ActionsContext } from '../surfaces/form.ts';
import { TextObject } from '../text/text.ts';
import { labelOf } from './label.ts';
import { NotShown } from './not-shown.ts';

interface ElementProps {
  readonly element: Json;
  readonly blockId: string;
}

/** What stands in an `actions` block. */
export function Element({ element, blockId }: ElementProps): VNode {
  if (element.type === 'button') return html`<${Button} element=${element} blockId=${blockId} />`;
  if (element.type === 'external_select')
    return html`<${MessageSelect} element=${element} blockId=${blockId} />`;
  return html`<${NotShown} type=${element.type} />`;
}

function Button({ element, blockId }: ElementProps): VNode {
  const actions = useContext(ActionsContext);
  const [isBusy, setBusy] = useState(false);
  const dialog = useRef<HTMLDialogElement>(null);
  const label = labelOf(element, 'text');
  const actionId = textOf(element, 'action_id') ?? '';
  const confirm = recordOf(element, 'confirm');
  const error = actions.errorOf(actionId);
  const press = async (): Promise<void> => {
    dialog.current?.close();
    setBusy(true);
    await actions.press(actionId, blockId);
    setBusy(false);
  };
  const start = (): void => {
    if (confirm === undefined) void press();
    else dialog.current?.showModal();
  };
  const style = textOf(element, 'style') ?? 'default';
  return html`<span class="action">
    <button type="button" class=${`button is-${style}`} disabled=${isBusy} aria-busy=${isBusy} onClick=${start}>${label}</button>
    ${error === undefined ? null : html`<span class="action-error" role="alert">⚠ ${error}</span>`}
    ${
      confirm === undefined
        ? null
        : html`<dialog ref=${dialog} class="confirm" aria-label=${labelOf(confirm, 'title')}>
            <h2>${labelOf(confirm, 'title')}</h2>
            <div><${TextObject} object=${recordOf(confirm, 'text') ?? {}} /></div>
            <div class="confirm-actions">
              <button type="button" class="button" onClick=${() => dialog.current?.close()}>${labelOf(confirm, 'deny')}</button>
              <button type="button" class=${`button is-${textOf(confirm, 'style') === 'danger' ? 'danger' : 'primary'}`}
                onClick=${press}>${labelOf(confirm, 'confirm')}</button>
            </div>
          </dialog>`
    }
  </span>`;
}
