import type { WebClient } from '@slack/web-api';
import type { Message } from '../../report/message.ts';
import { classify } from './failure.ts';

const EVENT_TYPE = 'batchops';
const PAGES = 5;

/** Where a message goes, and the key by which it is found again. */
export interface Destination {
  readonly channel: string;
  readonly threadTs: string | null;
  readonly key: string;
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
    metadata: metadataOf(to.key),
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
    metadata: metadataOf(at.key),
  });
}

function contentOf(message: Message) {
  return { text: message.text, ...(message.blocks.length === 0 ? {} : { blocks: [...message.blocks] }) };
}

function metadataOf(key: string) {
  return { event_type: EVENT_TYPE, event_payload: { key } };
}

/**
 * Looks for a message of ours after a call that got no answer, so that it is not posted twice. This needs a
 * scope (`channels:history` and the like) that the app does not ask for by itself: where it is missing, we
 * know nothing, for good.
 */
export class Lookup {
  readonly #client: WebClient;
  #allowed = true;

  constructor(client: WebClient) {
    this.#client = client;
  }

  /** Its `ts` where it stands; `absent` where it surely does not. Rejects where Slack gives no answer. */
  async find(to: Destination): Promise<{ readonly ts: string } | 'absent' | 'unknown'> {
    let cursor: string | undefined;
    for (let page = 0; page < PAGES && this.#allowed; page += 1) {
      const found = await this.#page(to, cursor);
      if (found === undefined) return 'unknown';
      const own = found.messages?.find(
        ({ metadata }) => metadata?.event_type === EVENT_TYPE && keyOf(metadata.event_payload) === to.key,
      );
      if (own?.ts !== undefined) return { ts: own.ts };
      cursor = found.response_metadata?.next_cursor;
      if (cursor === undefined || cursor === '') return 'absent';
    }
    return 'unknown';
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
      // Not a member: nothing to see here, but the message may still be posted.
      if (kind === 'place') return undefined;
      throw error;
    }
  }
}

function keyOf(payload: unknown): unknown {
  return typeof payload === 'object' && payload !== null && 'key' in payload ? payload.key : undefined;
}
