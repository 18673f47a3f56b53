import { type Message, plainVariant } from '../../report/message.ts';
import { editMessage } from './delivery.ts';
import { classify } from './failure.ts';
import { fate, type Held, type PosterContext, UnderWay } from './held.ts';
import { delay, Pace } from './pace.ts';
import { renderRow } from './render.ts';

/** How often a held edit is made anew: the run may have ended meanwhile. */
const PEEK_MS = 250;
const ROOM = 64;

interface HeldEdit extends Held {
  readonly ts: string;
}

/**
 * Edits of messages that stand: root messages and boards. A row is held until its message may change again, and
 * made anew while it is, so that a thousand results become a few edits that say the latest. chat.update has one
 * budget for the whole workspace (50 a minute): what is final takes the next place in it, what is live goes only
 * where one is free.
 */
export class Edits {
  readonly #context: PosterContext;
  readonly #pace: Pace;
  readonly #underWay: UnderWay;
  /** By row key, while the message is live: what it shows, and since when. */
  readonly #shown = new Map<string, { readonly content: string; readonly at: number }>();

  constructor(context: PosterContext) {
    this.#context = context;
    this.#pace = new Pace(5, 1_350, context.clock);
    this.#underWay = new UnderWay(context, ROOM);
  }

  room(): number {
    return this.#underWay.room();
  }

  add(held: HeldEdit): void {
    this.#underWay.add(held, () => this.#send(held));
  }

  idle(): Promise<void> {
    return this.#underWay.idle();
  }

  async #send(held: HeldEdit): Promise<void> {
    const { outbox, now, clock, signal, workspace } = this.#context;
    const { row, ts } = held;
    const ripe = await this.#ripen(held);
    if (ripe === 'shown') {
      await outbox.sent(row, ts);
      return;
    }
    if (ripe === 'give back') {
      await outbox.defer(row, now() + this.#pace.waitMs(), 'waits for its turn');
      return;
    }
    const { message, what } = ripe;
    await delay(this.#pace.reserve(), signal);
    const masked = workspace.masked(message);
    const at = { channel: held.channel, ts, key: row.key };
    try {
      await editMessage(workspace.posts, at, masked);
    } catch (error) {
      const failure = classify(error);
      if (failure.code === 'ratelimited') this.#pace.suspend(failure.retryAfterMs ?? 1_000);
      if (failure.kind !== 'content') throw error;
      this.#context.log.error(
        { key: row.key, error: failure.code },
        'Slack refuses the form of an edit: sent as bare text',
      );
      await delay(this.#pace.reserve(), signal);
      await editMessage(workspace.posts, at, plainVariant(masked));
    }
    if (message.live !== undefined)
      this.#shown.set(row.key, { content: JSON.stringify(message), at: clock() });
    else this.#shown.delete(row.key);
    await outbox.sent(row, ts, what);
  }

  /** The message once it may be sent; `shown` where there is nothing to change (any more). */
  async #ripen({ row, claimedAt }: HeldEdit): Promise<Ripe | 'shown' | 'give back'> {
    const { clock, signal } = this.#context;
    const shown = this.#shown.get(row.key);
    for (;;) {
      const { content: message, what } = await renderRow(this.#context, row);
      if (message === undefined || 'filename' in message) return 'shown';
      if (shown?.content === JSON.stringify(message)) return 'shown';
      // On the way out everything that changed is said, at the pace alone.
      if (message.live === undefined) {
        const startsAt = clock() + this.#pace.waitMs();
        return fate(startsAt, claimedAt) === 'send' ? { message, what } : 'give back';
      }
      if (signal.aborted) return 'give back';
      const dueInMs = shown === undefined ? 0 : shown.at + message.live.everyMs - clock();
      const waitMs = Math.max(dueInMs, this.#pace.waitMs());
      if (waitMs <= 0) return { message, what };
      if (fate(clock(), claimedAt) === 'give back') return 'give back';
      await delay(Math.min(waitMs, PEEK_MS), signal);
    }
  }
}

interface Ripe {
  readonly message: Message;
  readonly what: 'message' | 'notice';
}
