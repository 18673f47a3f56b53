import { isDeepStrictEqual } from 'node:util';
import { fault, flag, type Json, kinds, list, listOf, object, oneOf, type Rule, text } from './rules.ts';

/**
 * Text objects, dialogs and options. The numbers are those of @slack/types' `block-kit/composition-objects.d.ts`
 * and https://docs.slack.dev/reference/block-kit/composition-objects; where the two differ, the lesser.
 */

/** "The minimum length is 1 and maximum length is 3000 characters": `max` is what the place allows of it. */
export function plainText(max: number): Rule {
  return kinds('plain text', { plain_text: object({ text: text({ max }) }, { emoji: flag }) });
}

export function anyText(max: number): Rule {
  return kinds('text', {
    plain_text: object({ text: text({ max }) }, { emoji: flag }),
    mrkdwn: object({ text: text({ max }) }, { verbatim: flag }),
  });
}

export const buttonStyle = oneOf('primary', 'danger');

/** "title: 100 … text: 300 … confirm, deny: 30" */
export const confirm = object(
  { title: plainText(100), text: plainText(300), confirm: plainText(30), deny: plainText(30) },
  { style: buttonStyle },
);

/** "text: 75 … value: 75 (types), 150 (docs) … description: 75" */
export const option = object(
  { text: plainText(75), value: text({ max: 75 }) },
  { description: plainText(75) },
);

const OPTIONS = { max: 100 };

/** "label: 75 … options: 100" */
const optionGroup = object({ label: plainText(75), options: list(option, OPTIONS) });

/** What a select offers: "options" or "option_groups", 100 of either; none where a search found nothing. */
export function choice(min: 0 | 1): Readonly<Record<string, Rule>> {
  return {
    options: list(option, { ...OPTIONS, min }),
    option_groups: list(optionGroup, OPTIONS),
  };
}

/** "initial_option … must exactly match one of the options" */
export function matchesOption(value: Json, at: string) {
  const offered = [
    ...listOf(value, 'options'),
    ...listOf(value, 'option_groups').flatMap((group) => listOf(group, 'options')),
  ];
  const first = value.initial_option;
  return first === undefined || offered.some((one) => isDeepStrictEqual(one, first))
    ? []
    : fault(`${at}/initial_option`, 'is none of the options');
}
