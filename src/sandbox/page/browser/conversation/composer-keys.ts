import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { useRef } from 'preact/hooks';
import type { PageShortcut } from '../../../slack/page-api.ts';
import type { Client } from '../client.ts';
import { Menu } from '../controls/menu.ts';

/** To the left of what is being written: a file to attach, and the shortcuts of the app. */

interface ComposerKeysProps {
  readonly client: Client;
  readonly shortcuts: readonly PageShortcut[];
  readonly threadTs: string | null;
  readonly onFile: (file: File) => void;
}

export function ComposerKeys({ client, shortcuts, threadTs, onFile }: ComposerKeysProps): VNode {
  const picker = useRef<HTMLInputElement>(null);
  const items = shortcuts
    .filter(({ type }) => type === 'global')
    .map(({ callbackId, name, description }) => ({ key: callbackId, name, note: description }));
  return html`<span class="composer-keys">
    <input ref=${picker} type="file" class="file-picker" tabindex="-1" aria-label="File to attach"
      onChange=${(event: Event) => {
        if (!(event.currentTarget instanceof HTMLInputElement)) return;
        const [file] = event.currentTarget.files ?? [];
        if (file !== undefined) onFile(file);
        // The same file can be chosen again.
        event.currentTarget.value = '';
      }} />
    <button type="button" class="composer-key" aria-label="Attach a file" title="Attach a file" onClick=${() => picker.current?.click()}>+</button>
    ${
      items.length === 0 || threadTs !== null
        ? null
        : html`<${Menu} label="Shortcuts" sign="⚡" className="composer-key" title="Shortcuts" items=${items}
            onChoose=${(callbackId: string) => void client.runShortcut(callbackId)} />`
    }
  </span>`;
}

export function Attached({ file, onDrop }: { file: File; onDrop: () => void }): VNode {
  return html`<p class="attached">
    <span class="attached-name">📄 ${file.name}</span><span class="attached-size">${file.size} bytes</span>
    <button type="button" aria-label=${`Remove ${file.name}`} onClick=${onDrop}>✕</button>
  </p>`;
}
