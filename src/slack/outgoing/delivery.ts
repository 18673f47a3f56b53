import type { MessageMetadata } from '@slack/web-api';
import type { Log } from '../../ports/log.ts';
import { blocksOfText, type Message } from '../../report/message.ts';
import type { NotingClient } from '../reachability.ts';
import { classify } from './failure.ts';
import { isAboutMetadata } from './slack-errors.ts';

/** What Slack keeps with a message of ours. */
export const EVENT_TYPE = 'batchops';

/** Where a message goes, and the keys of the rows that it shows: it is found again by each of them. */
export interface Destination {
  readonly channel: string;
  readonly threadTs: string | null;
  readonly keys: readonly string[];
}

/**
 * Sent with every call, edits too: chat.update falls back to its own defaults otherwise. No address in an
 * output is fetched by Slack, and no word in it becomes a mention.
 */
const NOTHING_LIVE = {
  parse: 'none',
  link_names: false,
  unfurl_links: false,
  unfurl_media: false,
} as const;

export async function postMessage(
  client: NotingClient,
  to: Destination,
  message: Message,
  log: Log,
): Promise<string> {
  const posted = await withKeys(client, to.keys, log, (metadata) =>
    client.chat.postMessage({
      channel: to.channel,
      ...(to.threadTs === null ? {} : { thread_ts: to.threadTs }),
      ...contentOf(message),
      ...NOTHING_LIVE,
      ...metadata,
    }),
  );
  if (posted.ts === undefined) throw new Error('chat.postMessage answered without a ts');
  return posted.ts;
}

export async function editMessage(
  client: NotingClient,
  at: { readonly channel: string; readonly ts: string; readonly key: string },
  message: Message,
  log: Log,
): Promise<void> {
  const { parse, link_names } = NOTHING_LIVE;
  const { text, blocks } = message;
  await withKeys(client, [at.key], log, (metadata) =>
    client.chat.update({
      channel: at.channel,
      ts: at.ts,
      text,
      // Never left out: what stands would stay, or not.
      blocks: [...(blocks.length === 0 ? blocksOfText(text) : blocks)],
      parse,
      link_names,
      ...metadata,
    }),
  );
}

/** What is said must not be lost by what is only to find it again: once more without, where Slack refuses that. */
async function withKeys<T>(
  client: NotingClient,
  keys: readonly string[],
  log: Log,
  send: (more: { readonly metadata?: MessageMetadata }) => Promise<T>,
): Promise<T> {
  try {
    return await send({ metadata: metadataOf(keys, client) });
  } catch (error) {
    const { code } = classify(error);
    if (!isAboutMetadata(code)) throw error;
    log.error(
      { keys, error: code },
      'Slack refuses the key of a message: sent without, so it cannot be looked for',
    );
    return await send({});
  }
}

export function contentOf(message: Message) {
  return { text: message.text, ...(message.blocks.length === 0 ? {} : { blocks: [...message.blocks] }) };
}

/** Messages in people's threads carry it: its form stays. Slack's arrays are of objects. */
function metadataOf(keys: readonly string[], { processId }: NotingClient): MessageMetadata {
  const [key = ''] = keys;
  const shown = keys.length > 1 ? { rows: keys.map((each) => ({ key: each })) } : { key };
  return { event_type: EVENT_TYPE, event_payload: { ...shown, process: processId } };
}
