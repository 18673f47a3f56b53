import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { PageCommand, PageShortcut } from '../../../slack/page-api.ts';
import type { Client } from '../client.ts';
import { findCommand, findCommands } from './completion.ts';
import { Attached, ComposerKeys } from './composer-keys.ts';
import { FILL_EVENT } from './welcome.ts';

interface ComposerProps {
  readonly client: Client;
  readonly commands: readonly PageCommand[];
  readonly shortcuts: readonly PageShortcut[];
  readonly threadTs: string | null;
  readonly label: string;
  readonly draftKey: string;
}

const MAX_HEIGHT_PX = 200;
/** What was sent from this window, newest last: the arrow up in an empty composer brings it back. */
const sentBefore: string[] = [];
/** What stands unsent in composers that are not shown at the moment. */
const drafts = new Map<string, string>();

export function Composer({ client, commands, shortcuts, threadTs, label, draftKey }: ComposerProps): VNode {
  const [text, setText] = useState(drafts.get(draftKey) ?? '');
  const [chosen, setChosen] = useState(0);
  const [isDismissed, setDismissed] = useState(false);
  const [recalled, setRecalled] = useState(0);
  const [file, setFile] = useState<File | null>(null);
  const area = useRef<HTMLTextAreaElement>(null);
  const listId = threadTs === null ? 'commands' : 'commands-in-thread';

  const found = isDismissed ? [] : findCommands(text, commands);
  const current = found[Math.min(chosen, found.length - 1)];
  const typed = findCommand(text, commands);

  const write = (next: string): void => {
    setText(next);
    setChosen(0);
    setDismissed(false);
  };
  const complete = (command: PageCommand): void => {
    write(`${command.command} `);
    area.current?.focus();
  };
  const send = async (): Promise<void> => {
    const words = text.trim();
    if (words === '' && file === null) return;
    write('');
    setRecalled(0);
    if (file !== null) {
      setFile(null);
      const isTaken = await client.upload(file, words, threadTs);
      if (isTaken) return;
      setFile(file);
      setText(words);
      return;
    }
    if (sentBefore.at(-1) !== words) sentBefore.push(words);
    const isTaken = await client.send(words, threadTs);
    // What failed is not lost, unless something else is being typed already.
    if (!isTaken) setText((now) => (now === '' ? words : now));
  };
  const recall = (step: number): void => {
    const next = Math.min(Math.max(recalled + step, 0), sentBefore.length);
    setRecalled(next);
    setText(next === 0 ? '' : (sentBefore.at(-next) ?? ''));
    setDismissed(true);
  };

  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.isComposing) return;
    const isList = found.length > 0;
    const moves: Readonly<Record<string, number>> = { ArrowDown: 1, ArrowUp: -1 };
    const move = moves[event.key];
    if (isList && move !== undefined) {
      setChosen((chosen + move + found.length) % found.length);
    } else if (
      isList &&
      current !== undefined &&
      (event.key === 'Tab' || event.key === 'Enter') &&
      !event.shiftKey
    ) {
      complete(current);
    } else if (isList && event.key === 'Escape') {
      setDismissed(true);
    } else if (event.key === 'Enter' && !event.shiftKey) {
      void send();
    } else if (move !== undefined && (text === '' || recalled > 0)) {
      recall(-move);
    } else {
      return;
    }
    event.preventDefault();
  };

  useEffect(() => {
    if (threadTs !== null) return;
    const onFill = (event: Event): void => {
      if (!(event instanceof CustomEvent)) return;
      write(String(event.detail));
      area.current?.focus();
    };
    document.addEventListener(FILL_EVENT, onFill);
    return () => document.removeEventListener(FILL_EVENT, onFill);
  }, [threadTs]);

  useEffect(() => void drafts.set(draftKey, text), [draftKey, text]);

  useEffect(() => area.current?.focus({ preventScroll: true }), []);

  useLayoutEffect(() => {
    const element = area.current;
    if (element === null) return;
    element.style.height = 'auto';
    element.style.height = `${Math.min(element.scrollHeight, MAX_HEIGHT_PX)}px`;
  }, [text]);

  return html`<div class="composer">
    ${
      found.length === 0
        ? null
        : html`<ul class="commands" role="listbox" id=${listId} aria-label="Commands">
            ${found.map(
              (
                each,
                index,
              ) => html`<li key=${each.command} id=${`${listId}-${index}`} role="option" aria-selected=${each === current}
                onMouseDown=${(event: Event) => {
                  event.preventDefault();
                  complete(each);
                }}>
                <span><b>${each.command}</b> <span class="usage">${each.usageHint}</span></span>
                <span class="description">${each.description}</span>
              </li>`,
            )}
          </ul>`
    }
    ${typed === undefined ? null : html`<p class="typed-command"><b>${typed.command}</b> <span class="usage">${typed.usageHint}</span></p>`}
    ${file === null ? null : html`<${Attached} file=${file} onDrop=${() => setFile(null)} />`}
    <div class="composer-box" onDragOver=${(event: Event) => event.preventDefault()}
      onDrop=${(event: DragEvent) => {
        event.preventDefault();
        setFile(event.dataTransfer?.files[0] ?? file);
      }}>
      <${ComposerKeys} client=${client} shortcuts=${shortcuts} threadTs=${threadTs}
        onFile=${(chosen: File) => {
          setFile(chosen);
          area.current?.focus();
        }} />
      <textarea ref=${area} rows="1" value=${text} placeholder=${label} aria-label=${label} spellcheck=${false} autocomplete="off"
        autocapitalize="off" role="combobox" aria-autocomplete="list" aria-expanded=${found.length > 0} aria-controls=${listId}
        aria-activedescendant=${found.length > 0 && current ? `${listId}-${found.indexOf(current)}` : null}
        onInput=${(event: Event) => {
          if (event.currentTarget instanceof HTMLTextAreaElement) {
            setRecalled(0);
            write(event.currentTarget.value);
          }
        }}
        onKeyDown=${onKeyDown}></textarea>
      <button type="button" class="send" aria-label="Send" disabled=${text.trim() === '' && file === null} onClick=${send}>➤</button>
    </div>
    <p class="keys">Enter sends · Shift+Enter starts a line${threadTs === null ? ' · / lists the commands' : ' · Esc closes the thread'}</p>
  </div>`;
}
