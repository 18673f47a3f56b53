import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { type Json, recordOf, recordsOf, textOf } from '../../../slack/json.ts';
import type { Inline } from '../text/inline.ts';
import { renderInlines } from '../text/text.ts';
import { NotShown } from './not-shown.ts';

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
      return html`<${NotShown} type=${element.type} />`;
  }
}

function renderList(element: Json): VNode {
  const items = recordsOf(element, 'elements').map((item) => html`<li>${renderChildren(item)}</li>`);
  const indent = typeof element.indent === 'number' ? `indent-${Math.min(element.indent, 8)}` : '';
  return element.style === 'ordered'
    ? html`<ol class=${indent}>${items}</ol>`
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
    default:
      return { kind: 'text', text: `[${String(child.type)}: not shown by the sandbox]` };
  }
}

function addStyle(inline: Inline, style: Json): Inline {
  let styled = inline;
  if (style.strike === true) styled = { kind: 'strike', children: [styled] };
  if (style.italic === true) styled = { kind: 'italic', children: [styled] };
  if (style.bold === true) styled = { kind: 'bold', children: [styled] };
  return styled;
}
