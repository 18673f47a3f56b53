import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { PageFile } from '../../../slack/page-api.ts';

const PREVIEW_BYTES = 4_000;
const PREVIEW_LINES = 8;

/** A file with what it begins with, to open or to keep. */
export function FileCard({ file, userId }: { file: PageFile; userId: string }): VNode {
  const url = `${file.url}?${new URLSearchParams({ user: userId })}`;
  const isText = /^(text\/|application\/json)/.test(file.mimetype);
  const preview = usePreview(url, isText);
  const canOpen = isText || file.mimetype.startsWith('image/');
  return html`<div class="file" role="group" aria-label=${`File ${file.name}`}>
    <div class="file-head">
      <span class="file-sign" aria-hidden="true">${file.name.split('.').at(-1)?.slice(0, 4) ?? '?'}</span>
      <span class="file-words"><b>${file.title || file.name}</b><span>${formatBytes(file.bytes)} · ${file.mimetype}</span></span>
      ${canOpen ? html`<a class="button" href=${url} target="_blank" rel="noopener">Open</a>` : null}
      <a class="button" href=${`${url}&download=1`} download=${file.name}>Download</a>
    </div>
    ${preview === null ? null : html`<pre class="code" tabindex="0">${preview}</pre>`}
    ${file.mimetype.startsWith('image/') ? html`<img src=${url} alt=${file.title} />` : null}
  </div>`;
}

function usePreview(url: string, isText: boolean): string | null {
  const [preview, setPreview] = useState<string | null>(null);
  useEffect(() => {
    if (!isText) return;
    const stop = new AbortController();
    const read = async (): Promise<void> => {
      const response = await fetch(url, { signal: stop.signal });
      if (!response.ok) return;
      const text = (await response.text()).slice(0, PREVIEW_BYTES);
      const lines = text.split('\n');
      setPreview(lines.length > PREVIEW_LINES ? `${lines.slice(0, PREVIEW_LINES).join('\n')}\n…` : text);
    };
    // Without a preview the card still opens the file.
    read().catch(() => {});
    return () => stop.abort();
  }, [url, isText]);
  return preview;
}

function formatBytes(bytes: number): string {
  if (bytes < 1_000) return `${bytes} bytes`;
  if (bytes < 1_000_000) return `${(bytes / 1_000).toFixed(1)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}
