import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import type { PageSurface } from '../../../slack/page-api.ts';
import { Blocks } from '../blocks/blocks.ts';
import type { Client } from '../client.ts';
import { replaceEmoji } from '../text/emoji.ts';
import { ActionsContext, formatEdits } from './form.ts';
import { useForm } from './use-form.ts';

interface ModalProps {
  readonly surface: PageSurface;
  readonly client: Client;
}

const FIELDS = 'input, textarea, select';

/** A window over the others, with a form in it. */
export function Modal({ surface, client }: ModalProps): VNode {
  const { actions, edits, setErrors } = useForm(surface, client);
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  const dialog = useRef<HTMLDialogElement>(null);
  const isGone = useRef(false);
  const titleId = useId();
  const title = replaceEmoji(surface.title);

  useEffect(() => {
    const element = dialog.current;
    if (element === null) return;
    rememberOpener();
    element.showModal();
    // Not the cross, where there is something to fill in.
    const first = element.querySelector<HTMLElement>(`.modal-body :is(${FIELDS}), .modal-foot .is-primary`);
    (first ?? element.querySelector<HTMLElement>('.modal-foot button'))?.focus();
    return () => {
      isGone.current = true;
      element.close();
      setTimeout(returnFocus);
    };
  }, []);

  const close = (): void => void client.closeModal(surface.id);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (isBusy || surface.submit === null) return;
    setBusy(true);
    setFailure(null);
    setErrors({});
    const answer = await client.submit({ view_id: surface.id, values: formatEdits(edits) });
    setBusy(false);
    if (answer.ok) return;
    setErrors(answer.errors);
    const [wrong] = Object.keys(answer.errors);
    if (wrong === undefined) setFailure(answer.message);
    else requestAnimationFrame(() => focusBlock(dialog.current, wrong));
  };

  return html`<dialog ref=${dialog} class="modal" aria-labelledby=${titleId}
    onKeyDown=${(event: KeyboardEvent) => {
      if (event.key !== 'Escape' || event.defaultPrevented || isConfirm(event.target)) return;
      // Chromium lets a page hold back only the first Escape of two: the key itself must be taken.
      event.preventDefault();
      close();
    }}
    onClose=${(event: Event) => {
      if (!isGone.current && event.target === event.currentTarget) close();
    }}
    onCancel=${(event: Event) => {
      event.preventDefault();
      if (event.target === event.currentTarget) close();
    }}>
    <form class="modal-form" novalidate onSubmit=${submit}>
      <header class="modal-head">
        <h2 id=${titleId}>${title}</h2>
        <button type="button" class="modal-key" aria-label="Close" title="Close" onClick=${close}>✕</button>
      </header>
      ${failure === null ? null : html`<p class="modal-failure" role="alert">⚠ ${failure}</p>`}
      <div class="modal-body">
        <${ActionsContext.Provider} value=${actions}><${Blocks} blocks=${surface.blocks} /><//>
      </div>
      <footer class="modal-foot">
        <button type="button" class="button" onClick=${close}>${replaceEmoji(surface.close)}</button>
        ${
          surface.submit === null
            ? null
            : html`<button type="submit" class="button is-primary" aria-disabled=${isBusy} aria-busy=${isBusy}>
                ${isBusy ? html`<span class="spinner" aria-hidden="true"></span>` : null}${replaceEmoji(surface.submit)}
              </button>`
        }
      </footer>
    </form>
  </dialog>`;
}

/** A button's own question lies on top of the form. */
function isConfirm(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest('dialog.confirm') !== null;
}

/** What had the focus when the modal opened: it gets it back when the modal is gone. */
let opener: HTMLElement | null = null;

function rememberOpener(): void {
  const { activeElement } = document;
  if (
    activeElement instanceof HTMLElement &&
    activeElement !== document.body &&
    !activeElement.closest('dialog')
  )
    opener = activeElement;
}

function returnFocus(): void {
  if (document.querySelector('.modal') !== null) return;
  if (opener?.isConnected === true) opener.focus();
  opener = null;
}

function focusBlock(dialog: HTMLElement | null, blockId: string): void {
  const block = Array.from(dialog?.querySelectorAll<HTMLElement>('[data-block-id]') ?? []).find(
    (each) => each.dataset.blockId === blockId,
  );
  block?.querySelector<HTMLElement>(FIELDS)?.focus();
  block?.scrollIntoView({ block: 'nearest' });
}
