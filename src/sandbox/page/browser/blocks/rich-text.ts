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
    default:
      return html`<${NotShown} type=${element.type} />`;
  }
}

function renderChildren(element: Json): readonly VNode[] {
  return recordsOf(element, 'elements').flatMap((child) => renderInlines([readInline(child)]));
}

function readInline(child: Json): Inline {
  if (child.type !== 'text')
    return { kind: 'text', text: `[${String(child.type)}: not shown by the sandbox]` };
  const { code, italic, bold } = recordOf(child, 'style') ?? {};
  let styled: Inline = { kind: code === true ? 'code' : 'text', text: textOf(child, 'text') ?? '' };
  if (italic === true) styled = { kind: 'italic', children: [styled] };
  if (bold === true) styled = { kind: 'bold', children: [styled] };
  return styled;
}
