import { checkInitial, confirm, option, plainText, style } from './composition.ts';
import { bool, type Check, id, integer, list, oneOf, shape, text } from './schema.ts';

/** Interactive elements: https://docs.slack.dev/reference/block-kit/block-elements */

const selectable = { action_id: id, placeholder: plainText(150) };
const minQuery = { min_query_length: integer({ min: 0, max: 3_000 }) };

/** What stands in an `actions` block. */
export const actions: Readonly<Record<string, Check>> = {
  button: shape({
    required: { text: plainText(75) },
    optional: { action_id: id, confirm, value: text({ max: 2_000 }), style },
  }),
  external_select: shape({ required: minQuery, optional: { ...selectable, confirm } }),
};

/** What stands in an `input` block. */
export const inputs: Readonly<Record<string, Check>> = {
  static_select: shape({
    required: { options: list(option, { max: 100 }) },
    optional: { ...selectable, initial_option: option },
    also: checkInitial,
  }),
  multi_external_select: shape({
    required: minQuery,
    optional: { ...selectable, max_selected_items: integer({ min: 1, max: 100 }) },
  }),
  conversations_select: shape({
    required: {
      filter: shape({
        required: { include: list(oneOf('private', 'public'), { max: 2 }) },
        optional: { exclude_bot_users: bool },
      }),
    },
    optional: { ...selectable, initial_conversation: id, default_to_current_conversation: bool },
  }),
  plain_text_input: shape({
    optional: {
      ...selectable,
      multiline: bool,
      max_length: integer({ min: 1, max: 3_000 }),
    },
  }),
};
