import { option, optionGroup } from '../blocks/composition.ts';
import { type Faults, list, shape } from '../blocks/schema.ts';
import { type Json, recordsOf } from '../json.ts';
import type { StoredMessage } from '../workspace/message.ts';

/** Options that the app gives while a person types: `block_suggestion`, answered in the ack. */

const MAX_OPTIONS = 100;

export interface SuggestedGroup {
  /** Null where the options are in no group. */
  readonly label: Json | null;
  readonly options: readonly Json[];
}

const either = shape({
  optional: {
    options: list(option, { min: 0, max: MAX_OPTIONS }),
    option_groups: list(optionGroup, { min: 0, max: MAX_OPTIONS }),
  },
  also(record, at, faults) {
    if ((record.options === undefined) === (record.option_groups === undefined))
      faults.add('exactly one of options, option_groups required', at);
  },
});

/** What is wrong with the ack; empty where it is fine. */
export function findSuggestionFaults(body: Json): readonly string[] {
  const messages: string[] = [];
  const faults: Faults = {
    add: (fault, at) => messages.push(`[ERROR] ${fault} [json-pointer:${at}]`),
  };
  either(body, '', faults);
  return messages;
}

export function readSuggestions(body: Json): readonly SuggestedGroup[] {
  if (body.options !== undefined) return [{ label: null, options: recordsOf(body, 'options') }];
  return recordsOf(body, 'option_groups').map((group) => ({
    label: typeof group.label === 'object' && group.label !== null ? { ...group.label } : null,
    options: recordsOf(group, 'options'),
  }));
}

/** Where options were offered in a message. */
export function placeOfMessage({ channel, ts }: StoredMessage): string {
  return `${channel}/${ts}`;
}

/** What each person was offered: nobody can choose anything else. */
export class OfferedOptions {
  readonly #offered = new Map<string, Map<unknown, Json>>();

  /** `where` is the view, or the message. */
  add(where: string, blockId: string, actionId: string, options: readonly Json[]): void {
    const key = JSON.stringify([where, blockId, actionId]);
    const known = this.#offered.get(key) ?? new Map<unknown, Json>();
    for (const option of options) known.set(option.value, option);
    this.#offered.set(key, known);
  }

  list(where: string, blockId: string, actionId: string): readonly Json[] {
    return Array.from(this.#offered.get(JSON.stringify([where, blockId, actionId]))?.values() ?? []);
  }
}
