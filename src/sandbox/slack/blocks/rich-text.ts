import { bool, type Check, id, integer, list, number, oneOf, shape, tagged, text, url } from './schema.ts';

/** https://docs.slack.dev/reference/block-kit/blocks/rich-text-block */

const MANY = 10_000;

const look = shape({
  optional: {
    bold: bool,
    italic: bool,
    strike: bool,
    underline: bool,
    code: bool,
    highlight: bool,
    client_highlight: bool,
    unlink: bool,
  },
});
const plainLook = { style: look };

const textElement: Check = shape({ required: { text: text({ max: MANY * 10 }) }, optional: plainLook });
const link: Check = shape({
  required: { url: url(3_000) },
  optional: { ...plainLook, text: text({ max: MANY }), unsafe: bool },
});

const inline: Check = tagged({
  text: textElement,
  link,
  broadcast: shape({ required: { range: oneOf('here', 'channel', 'everyone') }, optional: plainLook }),
  color: shape({ required: { value: text({ max: 50 }) }, optional: plainLook }),
  channel: shape({ required: { channel_id: id }, optional: plainLook }),
  date: shape({
    required: { timestamp: number, format: text({ max: 255 }) },
    optional: { ...plainLook, url: url(3_000), fallback: text({ max: 3_000 }) },
  }),
  emoji: shape({
    required: { name: text({ max: 255 }) },
    optional: { ...plainLook, unicode: text({ max: 255 }), url: url(3_000) },
  }),
  team: shape({ required: { team_id: id }, optional: plainLook }),
  user: shape({ required: { user_id: id }, optional: plainLook }),
  usergroup: shape({ required: { usergroup_id: id }, optional: plainLook }),
});

// An empty section is what Slack's own composer makes of an empty line.
const section: Check = shape({ required: { elements: list(inline, { min: 0, max: MANY }) } });
const border = oneOf(0, 1);

export const richText: Check = shape({
  required: {
    elements: list(
      tagged({
        rich_text_section: section,
        rich_text_list: shape({
          required: {
            style: oneOf('bullet', 'ordered'),
            elements: list(tagged({ rich_text_section: section }), { max: MANY }),
          },
          optional: { indent: integer({ min: 0, max: 8 }), offset: integer({ min: 0, max: MANY }), border },
        }),
        rich_text_quote: shape({
          required: { elements: list(inline, { max: MANY }) },
          optional: { border },
        }),
        rich_text_preformatted: shape({
          required: { elements: list(tagged({ text: textElement, link }), { max: MANY }) },
          optional: { border, language: text({ max: 50 }) },
        }),
      }),
      { max: MANY },
    ),
  },
  optional: { block_id: id },
});
