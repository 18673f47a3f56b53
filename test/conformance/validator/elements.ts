import {
  fault,
  flag,
  justOne,
  kinds,
  list,
  matching,
  object,
  oneOf,
  type Rule,
  text,
  whole,
} from './rules.ts';
import { buttonStyle, choice, confirm, matchesOption, option, plainText } from './texts.ts';

/**
 * What people press and fill in: @slack/types' `block-kit/block-elements.d.ts` and `extensions.d.ts`,
 * https://docs.slack.dev/reference/block-kit/block-elements
 */

/** "Maximum length for this field is 255 characters." */
export const id = text({ max: 255 });
/** Slack's own ids of conversations. */
export const conversation = matching(/^[CDG][A-Z0-9]{2,}$/);

const common = { action_id: id, focus_on_load: flag };
/** "Maximum length for the text in this field is 150 characters." */
const placeholder = plainText(150);
const select = { ...common, placeholder, confirm };
const many = { max_selected_items: whole({ min: 1 }) };
const search = { min_query_length: whole({ min: 0 }) };

const staticSelect = object({}, { ...select, ...choice(1), initial_option: option }, (value, at) => [
  ...justOne('options', 'option_groups')(value, at),
  ...matchesOption(value, at),
]);

/** "text: 75 … value: 2000 … url: 3000 … accessibility_label: 75" */
const button = object(
  { text: plainText(75), action_id: id },
  {
    ...common,
    value: text({ max: 2_000 }),
    url: text({ max: 3_000 }),
    style: buttonStyle,
    confirm,
    accessibility_label: text({ max: 75 }),
  },
);

const externalSelect = object({ action_id: id }, { ...select, ...search, initial_option: option });

const filter = object(
  {},
  {
    include: list(oneOf('im', 'mpim', 'private', 'public'), { max: 4 }),
    exclude_external_shared_channels: flag,
    exclude_bot_users: flag,
  },
  // "Please note that while none of the fields are individually required, you must supply at least one."
  (value, at) => (Object.keys(value).length === 0 ? fault(at, 'has no field') : []),
);

const conversationsSelect = object(
  { action_id: id },
  {
    ...select,
    initial_conversation: conversation,
    default_to_current_conversation: flag,
    response_url_enabled: flag,
    filter,
  },
);

/** "max_length, min_length: 3000"; what stands there at first is text like any other. */
const plainTextInput = object(
  { action_id: id },
  {
    ...common,
    placeholder,
    initial_value: text({ max: 3_000, min: 0 }),
    multiline: flag,
    min_length: whole({ min: 0, max: 3_000 }),
    max_length: whole({ min: 1, max: 3_000 }),
  },
  (value, at) => {
    const { initial_value: first, max_length: most } = value;
    return typeof first === 'string' && typeof most === 'number' && first.length > most
      ? fault(`${at}/initial_value`, `has ${first.length} characters, max_length is ${most}`)
      : [];
  },
);

/** What may stand in an `actions` block, or beside a section. */
export const interactive: Rule = kinds('element', {
  button,
  static_select: staticSelect,
  external_select: externalSelect,
  conversations_select: conversationsSelect,
});

/** What may stand in an `input` block. */
export const input: Rule = kinds('input', {
  static_select: staticSelect,
  external_select: externalSelect,
  multi_external_select: object({ action_id: id }, { ...select, ...search, ...many }),
  conversations_select: conversationsSelect,
  plain_text_input: plainTextInput,
});
