import type { WebClient } from '@slack/web-api';
import type { Message } from '../../report/message.ts';
import { classify } from './failure.ts';

const EVENT_TYPE = 'batchops';
const PAGES = 5;

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

export async function postMessage(client: WebClient, to: Destination, message: Message): Promise<string> {
  const posted = await client.chat.postMessage({
    channel: to.channel,
    ...(to.threadTs === null ? {} : { thread_ts: to.threadTs }),
    ...contentOf(message),
    ...NOTHING_LIVE,
    metadata: metadataOf(to.keys),
  });
  if (posted.ts === undefined) throw new Error('chat.postMessage answered without a ts');
  return posted.ts;
}

export async function editMessage(
  client: WebClient,
  at: { readonly channel: string; readonly ts: string; readonly key: string },
  message: Message,
): Promise<void> {
  const { parse, link_names } = NOTHING_LIVE;
  await client.chat.update({
    channel: at.channel,
    ts: at.ts,
    ...contentOf(message),
    parse,
    link_names,
    metadata: metadataOf([at.key]),
  });
}

function contentOf(message: Message) {
  return { text: message.text, ...(message.blocks.length === 0 ? {} : { blocks: [...message.blocks] }) };
}

/** Messages in people's threads carry it: its form stays. Slack's arrays are of objects. */
function metadataOf(keys: readonly string[]) {
  const [key = ''] = keys;
  const payload = keys.length > 1 ? { rows: keys.map((each) => ({ key: each })) } : { key };
  return { event_type: EVENT_TYPE, event_payload: payload };
}

/** By key, the `ts` of the messages that stand; the others surely do not, or nobody can tell. */
export interface Found {
  readonly standing: ReadonlyMap<string, string>;
  readonly others: 'absent' | 'unknown';
}

/**
 * Looks for messages of ours after a call that got no answer, so that none is posted twice. This needs a
 * scope (`channels:history` and the like) that the app does not ask for by itself: where it is missing, we
 * know nothing, for good.
 */
export class Lookup {
  readonly #client: WebClient;
  #allowed = true;

  constructor(client: WebClient) {
    this.#client = client;
  }

  /** Rejects where Slack gives no answer. */
  async find(to: Destination): Promise<Found> {
    const standing = new Map<string, string>();
    let cursor: string | undefined;
    for (let page = 0; page < PAGES && this.#allowed; page += 1) {
      const found = await this.#page(to, cursor);
      if (found === undefined) break;
      for (const { ts, metadata } of found.messages ?? []) {
        if (ts === undefined || metadata?.event_type !== EVENT_TYPE) continue;
        const shown = keysOf(metadata.event_payload);
        for (const key of to.keys) if (shown.includes(key) && !standing.has(key)) standing.set(key, ts);
      }
      cursor = found.response_metadata?.next_cursor;
      const isEnd = cursor === undefined || cursor === '';
      if (isEnd || standing.size === to.keys.length) return { standing, others: 'absent' };
    }
    return { standing, others: 'unknown' };
  }

  async #page({ channel, threadTs }: Destination, cursor: string | undefined) {
    const query = {
      channel,
      limit: 200,
      include_all_metadata: true,
      ...(cursor === undefined ? {} : { cursor }),
    };
    try {
      return threadTs === null
        ? await this.#client.conversations.history(query)
        : await this.#client.conversations.replies({ ...query, ts: threadTs });
    } catch (error) {
      const { kind, code } = classify(error);
      if (code === 'missing_scope') this.#allowed = false;
      // Nothing to see here for us, but the message may still be posted.
      if (kind === 'place' || kind === 'gone' || kind === 'app') return undefined;
      throw error;
    }
  }
}

function keysOf(payload: unknown): readonly unknown[] {
  if (typeof payload !== 'object' || payload === null) return [];
  return 'rows' in payload && Array.isArray(payload.rows) ? payload.rows.map(keyOf) : [keyOf(payload)];
}

function keyOf(row: unknown): unknown {
  return typeof row === 'object' && row !== null && 'key' in row ? row.key : undefined;
}
