import { isDeepStrictEqual } from 'node:util';
import { type Json, recordOf, recordsOf } from '../json.ts';
import { bool, type Check, type Faults, list, oneOf, shape, tagged, text, url } from './schema.ts';

/** Text objects, confirmation dialogs, options: https://docs.slack.dev/reference/block-kit/composition-objects */

export function plainText(max: number): Check {
  return tagged({ plain_text: shape({ required: { text: text({ max }) }, optional: { emoji: bool } }) });
}

export function mrkdwn(max: number): Check {
  return tagged({ mrkdwn: shape({ required: { text: text({ max }) }, optional: { verbatim: bool } }) });
}

export function anyText(max: number): Check {
  return tagged({
    plain_text: shape({ required: { text: text({ max }) }, optional: { emoji: bool } }),
    mrkdwn: shape({ required: { text: text({ max }) }, optional: { verbatim: bool } }),
  });
}

export const style: Check = oneOf('primary', 'danger');

export const confirm: Check = shape({
  required: { title: plainText(100), text: anyText(300), confirm: plainText(30), deny: plainText(30) },
  optional: { style },
});

// The documentation allows a value of 150 characters, the types 75: the lesser is sure to work.
export const option: Check = shape({
  required: { text: anyText(75), value: text({ max: 75 }) },
  optional: { description: anyText(75) },
});

export const plainOption: Check = shape({
  required: { text: plainText(75), value: text({ max: 75 }) },
  optional: { description: plainText(75) },
});

export const overflowOption: Check = shape({
  required: { text: plainText(75), value: text({ max: 75 }) },
  optional: { description: plainText(75), url: url(3_000) },
});

export const optionGroup: Check = shape({
  required: { label: plainText(75), options: list(plainOption, { max: 100 }) },
});

export const slackFile: Check = shape({
  optional: { id: text({ max: 255 }), url: url(3_000) },
  also(record, at, faults) {
    if ((record.id === undefined) === (record.url === undefined))
      faults.add('exactly one of id, url required', at);
  },
});

/** What an image block and an image element have in common. */
export const imageSource = {
  optional: { image_url: url(3_000), slack_file: slackFile },
  also(
    record: Readonly<Record<string, unknown>>,
    at: string,
    faults: { add(fault: string, at: string): void },
  ) {
    if ((record.image_url === undefined) === (record.slack_file === undefined))
      faults.add('exactly one of image_url, slack_file required', at);
  },
};

/** What is chosen at first must be one of the options, word for word. */
export function checkInitial(record: Json, at: string, faults: Faults): void {
  const groups = recordsOf(record, 'option_groups').flatMap((group) => recordsOf(group, 'options'));
  const options = [...recordsOf(record, 'options'), ...groups];
  const initial = recordOf(record, 'initial_option');
  const all = [...recordsOf(record, 'initial_options'), ...(initial === undefined ? [] : [initial])];
  for (const each of all) {
    if (!options.some((known) => isDeepStrictEqual(known, each)))
      faults.add(`initial option is not one of the options: ${each.value}`, at);
  }
}
