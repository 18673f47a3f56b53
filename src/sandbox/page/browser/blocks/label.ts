import { type Json, recordOf, textOf } from '../../../slack/json.ts';
import { replaceEmoji } from '../text/emoji.ts';

/** The words of a text object, as plain text. */
export function labelOf(record: Json, name: string): string {
  return replaceEmoji(textOf(recordOf(record, name) ?? {}, 'text') ?? '');
}
