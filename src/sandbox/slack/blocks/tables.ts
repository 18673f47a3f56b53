import { isRecord, textOf } from '../json.ts';
import { richText } from './rich-text.ts';
import { bool, type Check, id, integer, list, number, oneOf, shape, tagged, text } from './schema.ts';

/** https://docs.slack.dev/reference/block-kit/blocks/table-block and data-table-block */

const MAX_ROWS = 100;
const MAX_COLUMNS = 20;
const MAX_CELL_TEXT = 10_000;

const rawText: Check = shape({ required: { text: text({ max: MAX_CELL_TEXT }) } });
const rawNumber: Check = shape({ required: { value: number, text: text({ max: MAX_CELL_TEXT }) } });

const row: Check = list(tagged({ raw_text: rawText, raw_number: rawNumber, rich_text: richText }), {
  max: MAX_COLUMNS,
});

const headerRow: Check = list(tagged({ raw_text: rawText, raw_number: rawNumber }), { max: MAX_COLUMNS });

/** The characters of everything that is shown below this value. */
export function countText(value: unknown): number {
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + countText(item), 0);
  if (!isRecord(value)) return 0;
  return Object.entries(value).reduce((sum, [name, child]) => {
    if (typeof child !== 'string') return sum + countText(child);
    return SHOWN.has(name) ? sum + child.length : sum;
  }, 0);
}

const SHOWN: ReadonlySet<string> = new Set([
  'text',
  'title',
  'alt_text',
  'caption',
  'fallback',
  'author_name',
]);

function checkCellText(
  record: Readonly<Record<string, unknown>>,
  at: string,
  add: (fault: string, at: string) => void,
): void {
  if (countText(record.rows) > MAX_CELL_TEXT)
    add(`must be less than ${MAX_CELL_TEXT + 1} characters over all cells`, `${at}/rows`);
}

export const table: Check = shape({
  required: { rows: list(row, { max: MAX_ROWS }) },
  optional: {
    block_id: id,
    column_settings: list(
      shape({ optional: { align: oneOf('left', 'center', 'right'), is_wrapped: bool } }),
      { max: MAX_COLUMNS },
    ),
  },
  also(record, at, faults) {
    checkCellText(record, at, (fault, where) => faults.add(fault, where));
  },
});

/** The smaller of the row limits seen in Slack's documentation: a header and 100 rows. */
export const dataTable: Check = shape({
  required: { caption: text({ max: 3_000 }), rows: list(row, { min: 2, max: MAX_ROWS + 1 }) },
  optional: {
    block_id: id,
    page_size: integer({ min: 1, max: 100 }),
    row_header_column_index: integer({ min: 0, max: MAX_COLUMNS - 1 }),
  },
  also(record, at, faults) {
    checkCellText(record, at, (fault, where) => faults.add(fault, where));
    const rows = Array.isArray(record.rows) ? record.rows : [];
    headerRow(rows[0], `${at}/rows/0`, faults);
    const columns = Array.isArray(rows[0]) ? rows[0].length : 0;
    rows.forEach((each, index) => {
      if (Array.isArray(each) && each.length !== columns)
        faults.add(`must have ${columns} cells like the header`, `${at}/rows/${index}`);
    });
  },
});

export function isTable(block: Readonly<Record<string, unknown>>): boolean {
  return textOf(block, 'type') === 'table' || textOf(block, 'type') === 'data_table';
}
