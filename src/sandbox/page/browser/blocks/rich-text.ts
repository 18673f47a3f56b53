import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { type Json, recordOf, recordsOf, textOf } from '../../../slack/json.ts';
import type { Inline } from '../text/inline.ts';
import { renderInlines } from '../text/text.ts';

export function RichText({ block }: { block: Json }): VNode {
  return html`<div class="rich-text">${recordsOf(block, 'elements').map(renderElement)}</div>`;
}

function renderElement(element: Json): VNode {
  switch (element.type) {
    case 'rich_text_section':
      return html`<p class="text">${renderChildren(element)}</p>`;
    case 'rich_text_preformatted':
      return html`<pre class="code" tabindex="0">${renderChildren(element)}</pre>`;
    case 'rich_text_quote':
      return html`<blockquote>${renderChildren(element)}</blockquote>`;
    case 'rich_text_list':
      return renderList(element);
    default:
      return html`<p class="unsupported">Unsupported rich text: ${String(element.type)}</p>`;
  }
}

function renderList(element: Json): VNode {
  const items = recordsOf(element, 'elements').map((item) => html`<li>${renderChildren(item)}</li>`);
  const indent = typeof element.indent === 'number' ? `indent-${Math.min(element.indent, 8)}` : '';
  const start = typeof element.offset === 'number' ? element.offset + 1 : 1;
  return element.style === 'ordered'
    ? html`<ol class=${indent} start=${start}>${items}</ol>`
    : html`<ul class=${indent}>${items}</ul>`;
}

function renderChildren(element: Json): readonly VNode[] {
  return recordsOf(element, 'elements').flatMap((child) => renderInlines([readInline(child)]));
}

function readInline(child: Json): Inline {
  return addStyle(readPlainInline(child), recordOf(child, 'style') ?? {});
}

function readPlainInline(child: Json): Inline {
  const text = textOf(child, 'text') ?? '';
  switch (child.type) {
    case 'text':
      return { kind: recordOf(child, 'style')?.code === true ? 'code' : 'text', text };
    case 'link': {
      const url = textOf(child, 'url') ?? '';
      return { kind: 'link', url, label: text || url };
    }
    case 'user':
      return { kind: 'user', id: textOf(child, 'user_id') ?? '', label: '' };
    case 'channel':
      return { kind: 'channel', id: textOf(child, 'channel_id') ?? '', label: '' };
    case 'usergroup':
      return { kind: 'group', id: textOf(child, 'usergroup_id') ?? '', label: '' };
    case 'broadcast':
      return { kind: 'broadcast', range: textOf(child, 'range') ?? '' };
    case 'emoji':
      return { kind: 'emoji', name: textOf(child, 'name') ?? '' };
    case 'date':
      return {
        kind: 'date',
        seconds: Number(child.timestamp),
        format: textOf(child, 'format') ?? '',
        fallback: textOf(child, 'fallback') ?? '',
      };
    case 'color':
      return { kind: 'code', text: textOf(child, 'value') ?? '' };
    default:
      return { kind: 'text', text: text || `[${String(child.type)}]` };
  }
}

function addStyle(inline: Inline, style: Json): Inline {
  let styled = inline;
  if (style.strike === true) styled = { kind: 'strike', children: [styled] };
  if (style.italic === true) styled = { kind: 'italic', children: [styled] };
  if (style.bold === true) styled = { kind: 'bold', children: [styled] };
  return styled;
}
