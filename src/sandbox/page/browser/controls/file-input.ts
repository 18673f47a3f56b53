import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { useContext, useState } from 'preact/hooks';
import { type Json, recordsOf, textOf } from '../../../slack/json.ts';
import { ActionsContext } from '../surfaces/form.ts';

interface FileInputProps {
  readonly element: Json;
  readonly blockId: string;
  readonly describedBy: string | null;
  readonly id: string;
}

const USUAL_MAX_FILES = 10;

/** Files go to Slack as they are chosen, and to the app with the form. */
export function FileInput({ element, blockId, describedBy, id }: FileInputProps): VNode {
  const { form } = useContext(ActionsContext);
  const [names, setNames] = useState<Readonly<Record<string, string>>>({});
  const [failure, setFailure] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const actionId = textOf(element, 'action_id') ?? '';
  const ids = form?.valueOf(blockId, actionId) ?? [];
  const known = recordsOf(form?.stateOf(blockId, actionId) ?? {}, 'files');
  const nameOf = (fileId: string): string =>
    names[fileId] ?? textOf(known.find((file) => file.id === fileId) ?? {}, 'name') ?? fileId;
  const max = typeof element.max_files === 'number' ? element.max_files : USUAL_MAX_FILES;
  const types = Array.isArray(element.filetypes)
    ? element.filetypes.map((type) => `.${type}`).join(',')
    : null;

  const add = async (files: readonly File[]): Promise<void> => {
    setBusy(true);
    setFailure(null);
    const added: string[] = [];
    for (const file of files.slice(0, max - ids.length)) {
      const answer = await form?.attach(file);
      if (answer?.ok !== true) {
        setFailure(answer?.message ?? '');
        continue;
      }
      added.push(answer.id);
      setNames((now) => ({ ...now, [answer.id]: file.name }));
    }
    setBusy(false);
    form?.change(blockId, actionId, [...ids, ...added]);
  };

  return html`<div class="file-input">
    ${ids.map(
      (
        fileId,
      ) => html`<span class="chip" key=${fileId}>📄 ${nameOf(fileId)}<button type="button" aria-label=${`Remove ${nameOf(fileId)}`}
        onClick=${() =>
          form?.change(
            blockId,
            actionId,
            ids.filter((each) => each !== fileId),
          )}>✕</button></span>`,
    )}
    <input id=${id} type="file" multiple=${max > 1} accept=${types} disabled=${isBusy || ids.length >= max} aria-describedby=${describedBy}
      aria-invalid=${form?.errorOf(blockId) !== undefined}
      onChange=${(event: Event) => {
        if (!(event.currentTarget instanceof HTMLInputElement)) return;
        const files = Array.from(event.currentTarget.files ?? []);
        event.currentTarget.value = '';
        void add(files);
      }} />
    ${failure === null ? null : html`<p class="input-error" role="alert">⚠ ${failure}</p>`}
  </div>`;
}
