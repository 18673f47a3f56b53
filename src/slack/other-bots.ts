import type { WebClient } from '@slack/web-api';
import type { Log } from '../ports/log.ts';
import { Deadline } from '../time/deadline.ts';
import { classify } from './outgoing/failure.ts';

/** A second one is most likely begun by whoever has just begun the first. */
const FRESH_MS = 2 * 60_000;
const FRESH_LOOK_MS = 5_000;
const LOOK_MS = 60_000;
const PER_LOOK = 100;
/** Each process shows the head of its audit daily: one that has said nothing for longer is gone. */
const GONE_AFTER_MS = 25 * 60 * 60_000;
/** As far as our clock may be from Slack's. */
const CLOCKS_MS = 10 * 60_000;

/** Another process that posts with our token. */
export interface OtherBot {
  /** When it last wrote, by Slack's clock; epoch ms. */
  readonly wroteAt: number;
  readonly channelId: string;
}

/** A message as Slack tells of it. */
interface PostedMessage {
  readonly ts?: string | undefined;
  readonly bot_id?: string | undefined;
  readonly metadata?: { readonly event_payload?: unknown } | undefined;
}

interface OtherBotsContext {
  /** Kept by Slack with each message that this process posts. */
  readonly processId: string;
  /** Whether it shares our store, or did lately: then it is no stranger. */
  readonly isReplica?: (processId: string) => Promise<boolean>;
  readonly botId: string;
  readonly log: Log;
  readonly now?: () => number;
}

/**
 * Two processes with one token: Slack deals commands and clicks out between them, and each knows only its own runs.
 * What tells is what each posts: the id of its process stands with every message, and one of another process that is
 * younger than we are was posted by one that lives. Those that share our store know our runs, and are no strangers.
 */
export class OtherBots {
  readonly #context: OtherBotsContext;
  readonly #now: () => number;
  readonly #startedAt: number;
  readonly #seen = new Map<string, OtherBot>();
  #isBlind = false;
  readonly #listeners: ((other: OtherBot) => void)[] = [];

  constructor(context: OtherBotsContext) {
    this.#context = context;
    this.#now = context.now ?? Date.now;
    this.#startedAt = this.#now();
  }

  /** Told of each once, when it is first noticed. */
  onSeen(listener: (other: OtherBot) => void): void {
    this.#listeners.push(listener);
  }

  /** Those that wrote lately, the last one first. */
  seen(): readonly OtherBot[] {
    const since = this.#now() - GONE_AFTER_MS;
    return [...this.#seen.values()]
      .filter(({ wroteAt }) => wroteAt > since)
      .toSorted((one, other) => other.wroteAt - one.wroteAt);
  }

  /** Somebody clicked below this message. Whoever posted it before we were there may be gone. */
  clicked(message: PostedMessage, channelId: string): void {
    if (Number(message.ts) * 1_000 > this.#startedAt + CLOCKS_MS) void this.#judge(message, channelId);
  }

  /** Reads what is written in this channel from now on. Never rejects; closes at once. */
  async watch(client: WebClient, channelId: string): Promise<{ close(): void }> {
    const next = new Deadline({ keepsProcess: false });
    let isClosed = false;
    const look = async (since: string | undefined): Promise<void> => {
      const latest = await this.#look(client, channelId, since);
      if (isClosed || latest === 'forbidden') return;
      const isFresh = this.#now() - this.#startedAt < FRESH_MS;
      next.set(isFresh ? FRESH_LOOK_MS : LOOK_MS, () => void look(latest));
    };
    await look(undefined);
    return {
      close: () => {
        isClosed = true;
        next.clear();
      },
    };
  }

  /** Up to where the channel was read; at first that is only noted. */
  async #look(
    client: WebClient,
    channel: string,
    since: string | undefined,
  ): Promise<string | undefined | 'forbidden'> {
    const query = { channel, limit: since === undefined ? 1 : PER_LOOK, include_all_metadata: true };
    try {
      const { messages = [] } = await client.conversations.history({
        ...query,
        ...(since === undefined ? {} : { oldest: since }),
      });
      if (since !== undefined) for (const message of messages) await this.#judge(message, channel);
      return messages[0]?.ts ?? since ?? '0';
    } catch (error) {
      const { kind, code } = classify(error);
      const isForbidden = kind === 'app';
      if (isForbidden || (kind === 'place' && !this.#isBlind)) {
        this.#isBlind = true;
        this.#context.log.warn(
          { channel, error: code },
          'the audit channel may not be read: it is not noticed there when a second process uses the same token',
        );
      }
      return isForbidden ? 'forbidden' : since;
    }
  }

  /** Never rejects. */
  async #judge({ ts, bot_id, metadata }: PostedMessage, channelId: string): Promise<void> {
    const { processId, botId, log, isReplica } = this.#context;
    const by = processOf(metadata?.event_payload);
    if (by === undefined || by === processId || bot_id !== botId) return;
    // Where that cannot be told, it is told the next time.
    if ((await isReplica?.(by).catch(() => true)) === true) return;
    const other = { wroteAt: Math.round(Number(ts) * 1_000), channelId };
    const isNew = !this.#seen.has(by);
    this.#seen.set(by, other);
    if (!isNew) return;
    log.error(
      { channel: channelId, process: by, at: new Date(other.wroteAt).toISOString() },
      'another process posts with our token: Slack deals the commands out between us, and neither knows the runs of the other; stop one of them, or give it an app of its own',
    );
    for (const listener of this.#listeners) listener(other);
  }
}

function processOf(payload: unknown): string | undefined {
  if (typeof payload !== 'object' || payload === null || !('process' in payload)) return undefined;
  return typeof payload.process === 'string' ? payload.process : undefined;
}
