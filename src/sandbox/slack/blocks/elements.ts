import {
  checkInitial,
  confirm,
  imageSource,
  option,
  optionGroup,
  overflowOption,
  plainOption,
  plainText,
  style,
} from './composition.ts';
import { richText } from './rich-text.ts';
import {
  bool,
  type Check,
  id,
  integer,
  list,
  number,
  oneOf,
  type Shape,
  shape,
  text,
  url,
} from './schema.ts';

/** Interactive elements and images: https://docs.slack.dev/reference/block-kit/block-elements */

const actionable = { action_id: id };
const confirmable = { ...actionable, confirm };
const choosable = { ...confirmable, focus_on_load: bool };
const selectable = { ...choosable, placeholder: plainText(150) };
const typed = {
  ...actionable,
  focus_on_load: bool,
  placeholder: plainText(150),
  dispatch_action_config: shape({
    optional: {
      trigger_actions_on: list(oneOf('on_enter_pressed', 'on_character_entered'), { max: 2 }),
    },
  }),
};
const many = { max_selected_items: integer({ min: 1, max: 100 }) };
const day = /^\d{4}-\d{2}-\d{2}$/;

const date: Check = (value, at, faults) => {
  if (typeof value !== 'string' || !day.test(value)) faults.add('must be a date in format YYYY-MM-DD', at);
};

/** Either `options` or `option_groups`, at most 100. */
function staticSelect(initial: Record<string, Check>): Shape {
  return {
    optional: {
      ...selectable,
      ...initial,
      options: list(plainOption, { max: 100 }),
      option_groups: list(optionGroup, { max: 100 }),
    },
    also(record, at, faults) {
      if ((record.options === undefined) === (record.option_groups === undefined))
        faults.add('exactly one of options, option_groups required', at);
      checkInitial(record, at, faults);
    },
  };
}

const conversationFilter = shape({
  optional: {
    include: list(oneOf('im', 'mpim', 'private', 'public'), { max: 4 }),
    exclude_external_shared_channels: bool,
    exclude_bot_users: bool,
  },
});

export const button: Check = shape({
  required: { text: plainText(75) },
  optional: {
    ...confirmable,
    value: text({ max: 2_000 }),
    url: url(3_000),
    style,
    accessibility_label: text({ max: 75 }),
  },
});

export const imageElement: Check = shape({
  required: { alt_text: text({ max: 2_000 }) },
  optional: imageSource.optional,
  also: imageSource.also,
});

const workflowButton: Check = shape({
  required: {
    text: plainText(75),
    workflow: shape({
      required: {
        trigger: shape({
          required: { url: url(3_000) },
          optional: {
            customizable_input_parameters: list(
              shape({ required: { name: text({ max: 255 }), value: text({ max: 3_000 }) } }),
              { max: 100 },
            ),
          },
        }),
      },
    }),
  },
  optional: { ...confirmable, style, accessibility_label: text({ max: 75 }) },
});

const choices: Readonly<Record<string, Check>> = {
  checkboxes: shape({
    required: { options: list(option, { max: 10 }) },
    optional: { ...choosable, initial_options: list(option, { max: 10 }) },
    also: checkInitial,
  }),
  radio_buttons: shape({
    required: { options: list(option, { max: 10 }) },
    optional: { ...choosable, initial_option: option },
    also: checkInitial,
  }),
  datepicker: shape({ optional: { ...selectable, initial_date: date } }),
  datetimepicker: shape({ optional: { ...choosable, initial_date_time: number } }),
  timepicker: shape({
    optional: { ...selectable, initial_time: text({ max: 5 }), timezone: text({ max: 100 }) },
  }),
  static_select: shape(staticSelect({ initial_option: plainOption })),
  external_select: shape({
    optional: {
      ...selectable,
      initial_option: plainOption,
      min_query_length: integer({ min: 0, max: 3_000 }),
    },
  }),
  users_select: shape({ optional: { ...selectable, initial_user: id } }),
  conversations_select: shape({
    optional: {
      ...selectable,
      initial_conversation: id,
      default_to_current_conversation: bool,
      response_url_enabled: bool,
      filter: conversationFilter,
    },
  }),
  channels_select: shape({ optional: { ...selectable, initial_channel: id, response_url_enabled: bool } }),
  multi_static_select: shape(staticSelect({ ...many, initial_options: list(plainOption, { max: 100 }) })),
  multi_external_select: shape({
    optional: {
      ...selectable,
      ...many,
      initial_options: list(plainOption, { max: 100 }),
      min_query_length: integer({ min: 0, max: 3_000 }),
    },
  }),
  multi_users_select: shape({
    optional: { ...selectable, ...many, initial_users: list(id, { max: 100 }) },
  }),
  multi_conversations_select: shape({
    optional: {
      ...selectable,
      ...many,
      initial_conversations: list(id, { max: 100 }),
      default_to_current_conversation: bool,
      filter: conversationFilter,
    },
  }),
  multi_channels_select: shape({
    optional: { ...selectable, ...many, initial_channels: list(id, { max: 100 }) },
  }),
};

const pressable: Readonly<Record<string, Check>> = {
  button,
  workflow_button: workflowButton,
  overflow: shape({
    required: { options: list(overflowOption, { max: 5 }) },
    optional: confirmable,
  }),
};

const richTextInput: Check = shape({
  optional: {
    ...typed,
    initial_value: richText,
    min_lines: integer({ min: 1, max: 100 }),
    max_lines: integer({ min: 1, max: 100 }),
  },
});

export const accessories: Readonly<Record<string, Check>> = { ...choices, ...pressable, image: imageElement };

export const actions: Readonly<Record<string, Check>> = {
  ...choices,
  ...pressable,
  rich_text_input: richTextInput,
};

export const inputs: Readonly<Record<string, Check>> = {
  ...choices,
  rich_text_input: richTextInput,
  plain_text_input: shape({
    optional: {
      ...typed,
      initial_value: text({ max: 3_000, min: 0 }),
      multiline: bool,
      min_length: integer({ min: 0, max: 3_000 }),
      max_length: integer({ min: 1, max: 3_000 }),
    },
  }),
  email_text_input: shape({ optional: { ...typed, initial_value: text({ max: 3_000 }) } }),
  url_text_input: shape({ optional: { ...typed, initial_value: text({ max: 3_000 }) } }),
  number_input: shape({
    required: { is_decimal_allowed: bool },
    optional: {
      ...typed,
      initial_value: text({ max: 100 }),
      min_value: text({ max: 100 }),
      max_value: text({ max: 100 }),
    },
  }),
  file_input: shape({
    optional: {
      ...actionable,
      filetypes: list(text({ max: 50 }), { max: 100 }),
      max_files: integer({ min: 1, max: 10 }),
    },
    also(_record, at, faults) {
      if (faults.surface !== 'modal') faults.add('unsupported element: file_input', at);
    },
  }),
};

const feedbackButton: Check = shape({
  required: { text: plainText(75), value: text({ max: 2_000 }) },
  optional: { accessibility_label: text({ max: 75 }) },
});

export const contextActions: Readonly<Record<string, Check>> = {
  feedback_buttons: shape({
    required: { positive_button: feedbackButton, negative_button: feedbackButton },
    optional: actionable,
  }),
  icon_button: shape({
    required: { icon: oneOf('trash'), text: plainText(75) },
    optional: {
      ...confirmable,
      accessibility_label: text({ max: 75 }),
      value: text({ max: 2_000 }),
      visible_to_user_ids: list(id, { max: 100 }),
    },
  }),
};
