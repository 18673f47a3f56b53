import { answer } from './messages.ts';
import { fault, isJson, justOne, object, oneOf, type Rule, text } from './rules.ts';
import { choice } from './texts.ts';
import { modalView } from './views.ts';

/** What may stand in the answer to each kind of delivery: https://docs.slack.dev/interactivity/handling-user-interaction */

const nothing: Rule = (value, at) =>
  isJson(value) && Object.keys(value).length === 0 ? [] : fault(at, 'may have no content');

function orNothing(rule: Rule): Rule {
  return (value, at) => (isJson(value) && Object.keys(value).length === 0 ? [] : rule(value, at));
}

/** By `block_id`, each with words: https://docs.slack.dev/surfaces/modals#displaying_errors */
const errors: Rule = (value, at) =>
  isJson(value) && Object.keys(value).length > 0
    ? Object.entries(value).flatMap(([block, words]) => text({ max: 3_000 })(words, `${at}/${block}`))
    : fault(at, 'has no error');

const ofSubmission: Rule = (value, at) => {
  switch (isJson(value) ? value.response_action : undefined) {
    case 'errors':
      return object({ response_action: oneOf('errors'), errors })(value, at);
    case 'clear':
      return object({ response_action: oneOf('clear') })(value, at);
    default:
      return object({ response_action: oneOf('update', 'push'), view: modalView })(value, at);
  }
};

export const ACKS: Readonly<Record<string, Rule>> = {
  block_actions: nothing,
  block_suggestion: object({}, choice(0), justOne('options', 'option_groups')),
  event_callback: nothing,
  message_action: nothing,
  shortcut: nothing,
  slash_commands: orNothing(answer),
  view_closed: nothing,
  view_submission: orNothing(ofSubmission),
};
