import { anything, characters, flag, kinds, list, object, oneOf, type Rule, text } from './rules.ts';

/** Rich text and tables: https://docs.slack.dev/reference/block-kit/blocks/rich-text-block and …/table-block */

/** Slack names no number; the sum over the message holds. */
const ANY = { max: 10_000 };

const style = object({}, { bold: flag, italic: flag, strike: flag, code: flag });

const words = object({ text: characters }, { style });
const link = object({ url: text({ max: 3_000 }) }, { text: characters, style });

const inline = kinds('rich text', {
  text: words,
  link,
  user: object({ user_id: text({ max: 255 }) }, { style }),
  channel: object({ channel_id: text({ max: 255 }) }, { style }),
});

const section = object({ elements: list(inline, ANY) });

export const richText = object(
  {
    elements: list(
      kinds('rich text', {
        rich_text_section: section,
        rich_text_preformatted: object(
          { elements: list(kinds('preformatted text', { text: words, link }), ANY) },
          { border: oneOf(0, 1) },
        ),
        rich_text_quote: section,
        rich_text_list: object(
          {
            style: oneOf('bullet', 'ordered'),
            elements: list(kinds('item', { rich_text_section: section }), ANY),
          },
          { indent: anything, offset: anything, border: oneOf(0, 1) },
        ),
      }),
      ANY,
    ),
  },
  { block_id: text({ max: 255 }) },
);

const cell = kinds('cell', { raw_text: object({ text: characters }), rich_text: richText });

/** "Maximum 100 rows … max of 20 table cells … column_settings: Maximum 20 items" */
export const table: Rule = object(
  { rows: list(list(cell, { max: 20 }), { max: 100 }) },
  {
    block_id: text({ max: 255 }),
    column_settings: list(object({}, { align: oneOf('left', 'center', 'right'), is_wrapped: flag }), {
      max: 20,
    }),
  },
);
