import { id, input, interactive } from './elements.ts';
import { richText, table } from './rich-text.ts';
import {
  type Fault,
  fault,
  flag,
  isJson,
  type Json,
  kinds,
  list,
  listOf,
  object,
  type Rule,
  unique,
} from './rules.ts';
import { anyText, plainText } from './texts.ts';

/** Blocks: @slack/types' `block-kit/blocks.d.ts`, https://docs.slack.dev/reference/block-kit/blocks */

/** "block_id … Maximum length for this field is 255 characters." */
function block(required: Readonly<Record<string, Rule>>, optional: Readonly<Record<string, Rule>> = {}) {
  return object(required, { block_id: id, ...optional });
}

const everywhere: Readonly<Record<string, Rule>> = {
  /** "There is a maximum of 25 elements in each action block." */
  actions: block({ elements: list(interactive, { max: 25 }) }),
  /** "Maximum number of items is 10." */
  context: block({ elements: list(anyText(3_000), { max: 10 }) }),
  divider: block({}),
  /** "Maximum length for the text in this field is 150 characters." */
  header: block({ text: plainText(150) }),
  /** "label … hint … Maximum length for the text in this field is 2000 characters." */
  input: block(
    { label: plainText(2_000), element: input },
    { hint: plainText(2_000), optional: flag, dispatch_action: flag },
  ),
  rich_text: richText,
  /** "text … maximum length is 3000 … fields … Maximum number of items is 10 … 2000 characters." */
  section: object(
    {},
    {
      block_id: id,
      text: anyText(3_000),
      fields: list(anyText(2_000), { max: 10 }),
      accessory: interactive,
      expand: flag,
    },
    (value, at) =>
      value.text === undefined && value.fields === undefined ? fault(at, 'has neither text nor fields') : [],
  ),
};

/** "You can include up to 50 blocks in each message, and 100 blocks in modals or Home tabs." */
const COUNT = { message: 50, view: 100 } as const;

/** "only_one_table_allowed"; "10,000 characters across all cells" */
const MAX_TABLE_TEXT = 10_000;

/**
 * Slack names no sum. 50 blocks with 9,597 characters in 15,561 of JSON were taken, 45 with 11,341 in 17,694 were
 * `msg_blocks_too_long` (bolt-js#2509, #2867): more than was seen to be taken is too much.
 */
const MAX_MESSAGE_TEXT = 9_597;
const MAX_MESSAGE_JSON = 15_561;

export const messageBlocks: Rule = (value, at) => {
  const blocks = Array.isArray(value) ? value.filter(isJson) : [];
  const chars = countText(value);
  const json = JSON.stringify(value).length;
  const tables = blocks.filter(({ type }) => type === 'table');
  return [
    ...list(kinds('block', { ...everywhere, table }), { max: COUNT.message })(value, at),
    ...findRepeated(blocks, at),
    ...(chars > MAX_MESSAGE_TEXT ? fault(at, `have ${chars} characters, at most ${MAX_MESSAGE_TEXT}`) : []),
    ...(json > MAX_MESSAGE_JSON ? fault(at, `are ${json} of JSON, at most ${MAX_MESSAGE_JSON}`) : []),
    ...(tables.length > 1 ? fault(at, `have ${tables.length} tables, at most 1`) : []),
    ...(countText(tables) > MAX_TABLE_TEXT ? fault(at, `have more than ${MAX_TABLE_TEXT} in a table`) : []),
  ];
};

export const viewBlocks: Rule = (value, at) => [
  ...list(kinds('block', everywhere), { max: COUNT.view })(value, at),
  ...findRepeated(Array.isArray(value) ? value.filter(isJson) : [], at),
];

/** "block_id should be unique for each message"; "action_id already exists" within one block. */
function findRepeated(blocks: readonly Json[], at: string): readonly Fault[] {
  return [
    ...unique(
      blocks.map((each) => each.block_id),
      at,
      'block_id',
    ),
    ...blocks.flatMap((each, index) =>
      unique(
        listOf(each, 'elements').map((element) => element.action_id),
        `${at}/${index}`,
        'action_id',
      ),
    ),
  ];
}

/** The characters of every `text` below this value. */
function countText(value: unknown): number {
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + countText(item), 0);
  if (!isJson(value)) return 0;
  const own = typeof value.text === 'string' ? value.text.length : 0;
  return Object.values(value).reduce<number>((sum, inner) => sum + countText(inner), own);
}
