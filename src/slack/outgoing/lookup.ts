import type { WebClient } from '@slack/web-api';
import { type Destination, EVENT_TYPE } from './delivery.ts';
import { classify } from './failure.ts';

const PAGES = 5;
const PER_PAGE = 200;

/** By key, the `ts` of the messages that stand; the others surely do not, or nobody can tell. */
export interface Found {
  readonly standing: ReadonlyMap<string, string>;
  readonly others: 'absent' | 'unknown';
}

/** A file that Slack was asked to show, perhaps, by the id that it gave before. */
export interface NotedFile {
  readonly id: string;
  readonly channel: string;
  readonly threadTs: string;
  readonly bytes: number;
}

/** Slack keeps no key with a file: where no id of it is known, it is the one of this name and size that we put into the thread. */
export interface SoughtFile {
  readonly channel: string;
  readonly threadTs: string;
  readonly name: string;
  readonly bytes: number;
}

/**
 * Looks for messages and files of ours after a call that got no answer, so that none is posted twice. In a channel
 * of which the app may not read the history (`channels:history` and the like), or that it is not in, we know
 * nothing; a scope that is missing there is so for as long as the process lives.
 */
export class Lookup {
  readonly #client: WebClient;
  readonly #closed = new Set<string>();

  constructor(client: WebClient) {
    this.#client = client;
  }

  /** Rejects where Slack gives no answer. */
  async find(to: Destination): Promise<Found> {
    const standing = new Map<string, string>();
    for await (const messages of this.#pages(to)) {
      if (messages === 'end') return { standing, others: 'absent' };
      for (const { ts, metadata } of messages) {
        if (ts === undefined || metadata?.event_type !== EVENT_TYPE) continue;
        const shown = keysOf(metadata.event_payload);
        for (const key of to.keys) if (shown.includes(key) && !standing.has(key)) standing.set(key, ts);
      }
      if (standing.size === to.keys.length) return { standing, others: 'absent' };
    }
    return { standing, others: 'unknown' };
  }

  /**
   * - `shown`: it stands in the thread, or somebody deleted it there.
   * - `late`: Slack has it and shows it nowhere yet: it answers first, and shows the file later (node-slack-sdk#1865).
   * - `absent`: Slack was never asked to show it, or it is not this one.
   * - `unknown`: Slack does not let us ask.
   *
   * Rejects where Slack gives no answer.
   */
  async findNoted({
    id,
    channel,
    threadTs,
    bytes,
  }: NotedFile): Promise<'shown' | 'late' | 'absent' | 'unknown'> {
    try {
      const { file } = await this.#client.files.info({ file: id });
      if (file?.size !== bytes) return 'absent';
      const everywhere = { ...file.shares?.public, ...file.shares?.private };
      if (Object.values(everywhere).flat().length === 0) return 'late';
      const here = everywhere[channel] ?? [];
      return here.some(({ thread_ts = threadTs }) => thread_ts === threadTs) ? 'shown' : 'absent';
    } catch (error) {
      const { kind, code } = classify(error);
      if (code === 'file_deleted') return 'shown';
      if (code === 'file_not_found') return 'absent';
      if (kind === 'place' || kind === 'gone' || kind === 'app') return 'unknown';
      throw error;
    }
  }

  /** The id of Slack's file; undefined where none is to be seen. Rejects where Slack gives no answer. */
  async findFile({ channel, threadTs, name, bytes }: SoughtFile): Promise<string | undefined> {
    for await (const messages of this.#pages({ channel, threadTs })) {
      if (messages === 'end') return undefined;
      // A message of ours: people may put a file of the same name there.
      const ours = messages.filter((message) => message.bot_id !== undefined);
      const found = ours
        .flatMap(({ files = [] }) => files)
        .find((file) => file.name === name && file.size === bytes);
      if (found?.id !== undefined) return found.id;
    }
    return undefined;
  }

  /** The newest of a channel, the oldest of a thread; `end` after the last of them. */
  async *#pages(to: Pick<Destination, 'channel' | 'threadTs'>) {
    let cursor: string | undefined;
    for (let page = 0; page < PAGES && !this.#closed.has(to.channel); page += 1) {
      const found = await this.#page(to, cursor);
      if (found === undefined) return;
      yield found.messages ?? [];
      cursor = found.response_metadata?.next_cursor;
      if (cursor === undefined || cursor === '') {
        yield 'end' as const;
        return;
      }
    }
  }

  async #page({ channel, threadTs }: Pick<Destination, 'channel' | 'threadTs'>, cursor: string | undefined) {
    const query = {
      channel,
      limit: PER_PAGE,
      include_all_metadata: true,
      ...(cursor === undefined ? {} : { cursor }),
    };
    try {
      return threadTs === null
        ? await this.#client.conversations.history(query)
        : await this.#client.conversations.replies({ ...query, ts: threadTs });
    } catch (error) {
      const { kind } = classify(error);
      if (kind === 'app') this.#closed.add(channel);
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
