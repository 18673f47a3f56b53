import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { isRecord, type Json, recordsOf, textOf } from '../../../slack/json.ts';
import { RichText } from './rich-text.ts';

/** `table` and `data_table`: the first row is the header. */
export function Table({ block }: { block: Json }): VNode {
  const rows = Array.isArray(block.rows) ? block.rows.filter(Array.isArray) : [];
  const settings = recordsOf(block, 'column_settings');
  const align = (column: number): string => `align-${textOf(settings[column] ?? {}, 'align') ?? 'left'}`;
  const [head = [], ...body] = rows;
  const caption = textOf(block, 'caption');
  return html`<div class="table" tabindex="0" role="group" aria-label=${caption ?? 'Table'}>
    <table>
      ${caption === undefined ? null : html`<caption>${caption}</caption>`}
      <thead><tr>${head.map((cell, column) => html`<th scope="col" class=${align(column)}><${Cell} cell=${cell} /></th>`)}</tr></thead>
      <tbody>
        ${body.map((row) => html`<tr>${row.map((cell, column) => html`<td class=${align(column)}><${Cell} cell=${cell} /></td>`)}</tr>`)}
      </tbody>
    </table>
  </div>`;
}

function Cell({ cell }: { cell: unknown }): VNode {
  if (!isRecord(cell)) return html`<span />`;
  if (cell.type === 'rich_text') return html`<${RichText} block=${cell} />`;
  return html`${textOf(cell, 'text') ?? ''}`;
}
