import { anyText, plainText } from './composition.ts';
import { actions, inputs } from './elements.ts';
import { bool, type Check, id, integer, list, oneOf, shape, tagged, text } from './schema.ts';

/**
 * The blocks that the bot sends, each with its limits: facts/slack.md section 4. All of them may stand in
 * messages, in modals and on the Home tab. To have another one, add its line here.
 */

const MANY = 10_000;

const words: Check = shape({
  required: { text: text({ max: MANY * 10 }) },
  optional: { style: shape({ optional: { bold: bool, italic: bool, strike: bool, code: bool } }) },
});

const inline: Check = tagged('rich text', {
  text: words,
  link: shape({ required: { url: text({ max: 3_000 }) }, optional: { text: text({ max: MANY }) } }),
  user: shape({ required: { user_id: id } }),
});

// An empty section is what Slack's own composer makes of an empty line.
const richTextSection: Check = shape({ required: { elements: list(inline, { min: 0, max: MANY }) } });
const border = oneOf(0, 1);

/** https://docs.slack.dev/reference/block-kit/blocks/rich-text-block */
const richText: Check = tagged('rich text', {
  rich_text_section: richTextSection,
  rich_text_list: shape({
    required: {
      style: oneOf('bullet', 'ordered'),
      elements: list(tagged('rich text', { rich_text_section: richTextSection }), { max: MANY }),
    },
    optional: { indent: integer({ min: 0, max: 8 }), border },
  }),
  rich_text_quote: shape({ required: { elements: list(inline, { max: MANY }) }, optional: { border } }),
  rich_text_preformatted: shape({
    required: { elements: list(tagged('rich text', { text: words }), { max: MANY }) },
    optional: { border },
  }),
});

function block(required: Record<string, Check>, optional: Record<string, Check> = {}): Check {
  return shape({ required, optional: { block_id: id, ...optional } });
}

export const checkBlock: Check = tagged('block', {
  actions: block({ elements: list(tagged('element', actions), { max: 25 }) }),
  context: block({ elements: list(anyText(3_000), { max: 10 }) }),
  divider: block({}),
  header: block({ text: plainText(150) }),
  input: block(
    { label: plainText(2_000), element: tagged('element', inputs) },
    { hint: plainText(2_000), optional: bool },
  ),
  rich_text: block({ elements: list(richText, { max: MANY }) }),
  section: block({ text: anyText(3_000) }, { expand: bool }),
});
