import { html } from 'htm/preact';
import { createContext, type VNode } from 'preact';
import { useContext, useRef, useState } from 'preact/hooks';
import { type Json, recordOf, recordsOf, textOf } from '../../../slack/json.ts';
import { replaceEmoji } from '../text/emoji.ts';
import { TextObject } from '../text/text.ts';

/** What a press on something in this message does. */
export interface Actions {
  press(actionId: string, blockId: string | undefined, values?: readonly string[]): Promise<void>;
  errorOf(actionId: string): string | undefined;
}

export const ActionsContext = createContext<Actions>({ press: async () => {}, errorOf: () => undefined });

interface ElementProps {
  readonly element: Json;
  readonly blockId: string | undefined;
}

export function Element({ element, blockId }: ElementProps): VNode {
  switch (element.type) {
    case 'button':
      return html`<${Button} element=${element} blockId=${blockId} />`;
    case 'static_select':
    case 'overflow':
      return html`<${Select} element=${element} blockId=${blockId} />`;
    case 'image':
      return html`<${Image} image=${element} />`;
    case 'mrkdwn':
    case 'plain_text':
      return html`<${TextObject} object=${element} />`;
    default:
      return html`<span class="unsupported">Unsupported element: ${String(element.type)}</span>`;
  }
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
    <button type="button" class=${`button is-${style}`} disabled=${isBusy} aria-busy=${isBusy}
      aria-label=${textOf(element, 'accessibility_label') ?? null} onClick=${start}>${label}</button>
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

function Select({ element, blockId }: ElementProps): VNode {
  const actions = useContext(ActionsContext);
  const actionId = textOf(element, 'action_id') ?? '';
  const options = [
    ...recordsOf(element, 'options'),
    ...recordsOf(element, 'option_groups').flatMap((group) => recordsOf(group, 'options')),
  ];
  const placeholder = element.type === 'overflow' ? '⋯' : labelOf(element, 'placeholder') || 'Choose';
  const error = actions.errorOf(actionId);
  const choose = (event: Event): void => {
    if (!(event.currentTarget instanceof HTMLSelectElement)) return;
    const { value } = event.currentTarget;
    if (element.type === 'overflow') event.currentTarget.value = '';
    void actions.press(actionId, blockId, [value]);
  };
  const chosen = textOf(recordOf(element, 'initial_option') ?? {}, 'value') ?? '';
  return html`<span class="action">
    <select class="button" aria-label=${placeholder === '⋯' ? 'More actions' : placeholder} onChange=${choose}>
      <option value="" disabled selected=${chosen === ''}>${placeholder}</option>
      ${options.map((option) => {
        const value = textOf(option, 'value') ?? '';
        return html`<option value=${value} selected=${value === chosen}>${labelOf(option, 'text')}</option>`;
      })}
    </select>
    ${error === undefined ? null : html`<span class="action-error" role="alert">⚠ ${error}</span>`}
  </span>`;
}

/** Files of the sandbox are shown; what lies elsewhere is named, for the sandbox fetches nothing from there. */
export function Image({ image }: { image: Json }): VNode {
  const url = textOf(image, 'image_url') ?? '';
  const alt = textOf(image, 'alt_text') ?? '';
  if (url.startsWith('/page/file/')) return html`<img src=${url} alt=${alt} />`;
  return html`<span class="image-elsewhere" title=${url}>🖼 ${alt || 'image'}</span>`;
}

export function labelOf(record: Json, name: string): string {
  return replaceEmoji(textOf(recordOf(record, name) ?? {}, 'text') ?? '');
}
