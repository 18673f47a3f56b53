import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { type Json, recordOf, recordsOf, textOf } from '../../../slack/json.ts';
import { InputBlock } from '../controls/inputs.ts';
import { TextObject } from '../text/text.ts';
import { Element } from './elements.ts';
import { labelOf } from './label.ts';
import { NotShown } from './not-shown.ts';
import { RichText } from './rich-text.ts';

/**
 * The blocks that the bot sends, as Slack draws them; any other kind is a box that says so. Our own, because
 * `slack-blocks-to-jsx` 1.1.1 needs React, react-markdown and 100 packages more, and a bundler.
 */
export function Blocks({ blocks }: { blocks: readonly Json[] }): VNode {
  return html`<div class="blocks">${blocks.map((block) => html`<${Block} key=${block.block_id} block=${block} />`)}</div>`;
}

function Block({ block }: { block: Json }): VNode {
  switch (block.type) {
    case 'section':
      return html`<div><${TextObject} object=${recordOf(block, 'text') ?? {}} /></div>`;
    case 'header':
      return html`<h3 class="header">${labelOf(block, 'text')}</h3>`;
    case 'input':
      return html`<${InputBlock} block=${block} />`;
    case 'divider':
      return html`<hr />`;
    case 'context':
      return html`<div class="context">
        ${recordsOf(block, 'elements').map((element) => html`<span><${TextObject} object=${element} /></span>`)}
      </div>`;
    case 'actions':
      return html`<div class="actions">
        ${recordsOf(block, 'elements').map((element) => html`<${Element} element=${element} blockId=${textOf(block, 'block_id') ?? ''} />`)}
      </div>`;
    case 'rich_text':
      return html`<${RichText} block=${block} />`;
    default:
      return html`<${NotShown} type=${block.type} />`;
  }
}
