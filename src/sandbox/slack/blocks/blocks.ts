import { anyText, plainText } from './composition.ts';
import { actions, inputs } from './elements.ts';
import { bool, type Check, id, list, shape, tagged, text } from './schema.ts';

/**
 * The blocks that the bot sends, each with its limits: facts/slack.md section 4. All of them may stand in
 * messages, in modals and on the Home tab. To have another one, add its line here.
 */

const MANY = 10_000;

const words: Check = shape({
  required: { text: text({ max: MANY * 10 }) },
  optional: { style: shape({ optional: { bold: bool, italic: bool, code: bool } }) },
});

const inline: Check = tagged('rich text', { text: words });

/** https://docs.slack.dev/reference/block-kit/blocks/rich-text-block */
const richText: Check = tagged('rich text', {
  // An empty section is what Slack's own composer makes of an empty line.
  rich_text_section: shape({ required: { elements: list(inline, { min: 0, max: MANY }) } }),
  rich_text_preformatted: shape({ required: { elements: list(inline, { max: MANY }) } }),
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
