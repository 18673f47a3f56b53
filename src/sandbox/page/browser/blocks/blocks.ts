import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { type Json, recordOf, recordsOf, textOf } from '../../../slack/json.ts';
import { InputBlock } from '../controls/inputs.ts';
import { Markdown, TextObject } from '../text/text.ts';
import { Element, Image } from './elements.ts';
import { labelOf } from './label.ts';
import { RichText } from './rich-text.ts';
import { Table } from './table.ts';

/**
 * Block Kit as Slack draws it, as far as messages of an app like ours go; any other kind is shown as a box that
 * says so. Our own, because `slack-blocks-to-jsx` 1.1.1 needs React, react-markdown and 100 packages more, and
 * a bundler.
 */
export function Blocks({ blocks }: { blocks: readonly Json[] }): VNode {
  return html`<div class="blocks">${blocks.map((block) => html`<${Block} key=${block.block_id} block=${block} />`)}</div>`;
}

const STATUS_SIGNS: Readonly<Record<string, string>> = {
  pending: '⚪',
  in_progress: '⏳',
  complete: '✅',
  error: '❌',
};

function Block({ block }: { block: Json }): VNode {
  switch (block.type) {
    case 'section':
      return html`<${Section} block=${block} />`;
    case 'header':
      return html`<h3 class="header">${labelOf(block, 'text')}</h3>`;
    case 'input':
      return html`<${InputBlock} block=${block} />`;
    case 'alert':
      return html`<${Alert} block=${block} />`;
    case 'divider':
      return html`<hr />`;
    case 'context':
      return html`<div class="context">
        ${recordsOf(block, 'elements').map((element) => html`<span><${Element} element=${element} /></span>`)}
      </div>`;
    case 'actions':
    case 'context_actions':
      return html`<div class="actions">
        ${recordsOf(block, 'elements').map((element) => html`<${Element} element=${element} blockId=${textOf(block, 'block_id')} />`)}
      </div>`;
    case 'image':
      return html`<figure><figcaption>${labelOf(block, 'title')}</figcaption><${Image} image=${block} /></figure>`;
    case 'rich_text':
      return html`<${RichText} block=${block} />`;
    case 'markdown':
      return html`<div><${Markdown} text=${textOf(block, 'text') ?? ''} /></div>`;
    case 'table':
    case 'data_table':
      return html`<${Table} block=${block} />`;
    case 'container':
      return html`<${Container} block=${block} />`;
    case 'card':
      return html`<${Card} block=${block} />`;
    case 'carousel':
      return html`<div class="carousel">${recordsOf(block, 'elements').map((card) => html`<${Card} block=${card} />`)}</div>`;
    case 'task_card':
      return html`<${TaskCard} block=${block} />`;
    case 'plan':
      return html`<div class="card">
        <b>${textOf(block, 'title')}</b>
        ${recordsOf(block, 'tasks').map((task) => html`<${TaskCard} block=${task} />`)}
      </div>`;
    default:
      return html`<p class="unsupported">Unsupported block: ${String(block.type)}</p>`;
  }
}

const ALERT_SIGNS: Readonly<Record<string, string>> = {
  info: 'ℹ️',
  warning: '⚠️',
  error: '⛔',
  success: '✅',
};

function Alert({ block }: { block: Json }): VNode {
  const level = textOf(block, 'level') ?? 'default';
  return html`<div class=${`alert is-${level}`} role="note">
    <span aria-hidden="true">${ALERT_SIGNS[level] ?? ''}</span>
    <div><${TextObject} object=${recordOf(block, 'text') ?? {}} /></div>
  </div>`;
}

function Section({ block }: { block: Json }): VNode {
  const text = recordOf(block, 'text');
  const fields = recordsOf(block, 'fields');
  const accessory = recordOf(block, 'accessory');
  return html`<div class="section">
    <div class="section-body">
      ${text === undefined ? null : html`<div><${TextObject} object=${text} /></div>`}
      ${
        fields.length === 0
          ? null
          : html`<div class="fields">${fields.map((field) => html`<div><${TextObject} object=${field} /></div>`)}</div>`
      }
    </div>
    ${accessory === undefined ? null : html`<${Element} element=${accessory} blockId=${textOf(block, 'block_id')} />`}
  </div>`;
}

function Container({ block }: { block: Json }): VNode {
  const title = recordOf(block, 'rich_text_title');
  const subtitle = recordOf(block, 'subtitle');
  const head = html`<span class="container-title">
    ${title === undefined ? labelOf(block, 'title') : html`<${RichText} block=${title} />`}
    ${subtitle === undefined ? null : html`<span class="container-subtitle"><${TextObject} object=${subtitle} /></span>`}
  </span>`;
  const body = html`<${Blocks} blocks=${recordsOf(block, 'child_blocks')} />`;
  if (block.is_collapsible !== true) return html`<div class="container"><div>${head}</div>${body}</div>`;
  return html`<details class="container" open=${block.default_collapsed !== true}>
    <summary>${head}</summary>${body}
  </details>`;
}

function Card({ block }: { block: Json }): VNode {
  const parts = ['title', 'subtitle', 'body'].flatMap((name) => {
    const object = recordOf(block, name);
    return object === undefined
      ? []
      : [html`<div class=${`card-${name}`}><${TextObject} object=${object} /></div>`];
  });
  return html`<div class="card">
    ${parts}
    <div class="actions">
      ${recordsOf(block, 'actions').map((action) => html`<${Element} element=${action} blockId=${textOf(block, 'block_id')} />`)}
    </div>
  </div>`;
}

function TaskCard({ block }: { block: Json }): VNode {
  const status = textOf(block, 'status') ?? 'pending';
  const texts = ['details', 'output'].flatMap((name) => {
    const part = recordOf(block, name);
    return part === undefined ? [] : [html`<${RichText} block=${part} />`];
  });
  return html`<div class="card">
    <div class="card-title"><span title=${status}>${STATUS_SIGNS[status] ?? '⚪'}</span> ${textOf(block, 'title')}</div>
    ${texts}
  </div>`;
}
