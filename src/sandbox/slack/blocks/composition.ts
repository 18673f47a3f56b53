import { isDeepStrictEqual } from 'node:util';
import { type Json, recordOf, recordsOf } from '../json.ts';
import { bool, type Check, type Faults, list, oneOf, shape, tagged, text } from './schema.ts';

/** Text objects, confirmation dialogs, options: https://docs.slack.dev/reference/block-kit/composition-objects */

function plain(max: number): Check {
  return shape({ required: { text: text({ max }) }, optional: { emoji: bool } });
}

export function plainText(max: number): Check {
  return tagged('text', { plain_text: plain(max) });
}

export function anyText(max: number): Check {
  return tagged('text', {
    plain_text: plain(max),
    mrkdwn: shape({ required: { text: text({ max }) }, optional: { verbatim: bool } }),
  });
}

export const style: Check = oneOf('primary', 'danger');

export const confirm: Check = shape({
  required: { title: plainText(100), text: plainText(300), confirm: plainText(30), deny: plainText(30) },
  optional: { style },
});

// The documentation allows a value of 150 characters, the types 75: the lesser is sure to work.
export const option: Check = shape({ required: { text: plainText(75), value: text({ max: 75 }) } });

export const optionGroup: Check = shape({
  required: { label: plainText(75), options: list(option, { max: 100 }) },
});

/** What is chosen at first must be one of the options, word for word. */
export function checkInitial(record: Json, at: string, faults: Faults): void {
  const initial = recordOf(record, 'initial_option');
  if (initial === undefined) return;
  if (!recordsOf(record, 'options').some((known) => isDeepStrictEqual(known, initial)))
    faults.add(`initial option is not one of the options: ${initial.value}`, at);
}
