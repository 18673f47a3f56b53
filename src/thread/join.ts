import { MAX_MESSAGE_CHARS, MAX_MESSAGE_JSON, type Message, measureBlocks } from '../report/message.ts';

/** What Slack shows outside the message, and reads aloud. */
const MAX_TEXT_CHARS = 3_500;
/** How many of Slack's 50. */
const MAX_BLOCKS = 45;
/** How much a message's metadata may hold is not known; this much of it is the keys of ten hosts. */
const MAX_KEYS_CHARS = 2_000;

export interface Joined {
  /** The first `count` in one; undefined where there are none. */
  readonly message: Message | undefined;
  readonly count: number;
}

/**
 * As many of these, from the first on, as one message can hold, each as it would stand by itself: none is
 * shortened for it. The first is taken however long it is, as it would have been sent.
 */
export function joinMessages(parts: readonly { readonly key: string; readonly message: Message }[]): Joined {
  const taken: Message[] = [];
  let used = { text: 0, chars: 0, json: 0, blocks: 0, keys: 0 };
  for (const { key, message } of parts) {
    const { chars, json } = measureBlocks(message.blocks);
    used = {
      text: used.text + message.text.length + 1,
      chars: used.chars + chars,
      json: used.json + json,
      blocks: used.blocks + message.blocks.length,
      keys: used.keys + key.length + 3,
    };
    const isFull =
      used.text > MAX_TEXT_CHARS ||
      used.chars > MAX_MESSAGE_CHARS ||
      used.json > MAX_MESSAGE_JSON ||
      used.blocks > MAX_BLOCKS ||
      used.keys > MAX_KEYS_CHARS;
    if (isFull && taken.length > 0) break;
    taken.push(message);
  }
  const [only] = taken;
  if (taken.length <= 1) return { message: only, count: taken.length };
  return {
    message: {
      text: taken.map(({ text }) => text).join('\n'),
      blocks: taken.flatMap(({ blocks }) => blocks),
    },
    count: taken.length,
  };
}
