import { type Message, plainVariant } from '../../report/message.ts';
import { editMessage } from './delivery.ts';
import { classify } from './failure.ts';
import { delay, fate, type Held, type PosterContext, UnderWay } from './held.ts';
import { Pace } from './pace.ts';

/** How often a held edit looks whether the run has ended meanwhile. */
const PEEK_MS = 250;
const ROOM = 64;

interface HeldEdit extends Held {
  readonly ts: string;
}

/**
 * Edits of messages that stand: root messages and boards. A row is held until its message may change again and
 * rendered as late as possible, so that a thousand results become a few edits; chat.update has one budget for
 * the whole workspace (50 a minute), and what is final goes before what is live.
 */
export class Edits {
  readonly #context: PosterContext;
  readonly #pace = new Pace(5, 1_350);
  readonly #underWay: UnderWay;
  /** By row key, while the message is live: what it shows, and since when. */
  readonly #shown = new Map<string, { readonly content: string; readonly at: number }>();

  constructor(context: PosterContext) {
    this.#context = context;
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
    const { outbox, now, signal, workspace } = this.#context;
    const { row, ts } = held;
    const message = await this.#ripen(held);
    if (message === undefined) {
      await outbox.sent(row, ts);
      return;
    }
    if (message === 'give back') {
      await outbox.defer(row, now() + this.#pace.waitMs(now()), 'waits for its turn');
      return;
    }
    await delay(this.#pace.reserve(now()), signal);
    const masked = workspace.masked(message);
    const at = { channel: held.channel, ts, key: row.key };
    try {
      await editMessage(workspace.posts, at, masked);
    } catch (error) {
      const failure = classify(error);
      if (failure.code === 'ratelimited') this.#pace.suspend(now(), now() + (failure.retryAfterMs ?? 1_000));
      if (failure.kind !== 'content') throw error;
      this.#context.log.error(
        { key: row.key, error: failure.code },
        'Slack refuses the form of an edit: sent as bare text',
      );
      await delay(this.#pace.reserve(now()), signal);
      await editMessage(workspace.posts, at, plainVariant(masked));
    }
    if (message.live !== undefined) this.#shown.set(row.key, { content: JSON.stringify(message), at: now() });
    else this.#shown.delete(row.key);
    await outbox.sent(row, ts);
  }

  /** The message once it may be sent; undefined where Slack shows it already. */
  async #ripen({ row, claimedAt }: HeldEdit): Promise<Message | 'give back' | undefined> {
    const { render, now, signal } = this.#context;
    const shown = this.#shown.get(row.key);
    for (;;) {
      const content = await render(row.key);
      if (content === undefined || 'filename' in content) return undefined;
      if (shown?.content === JSON.stringify(content)) return undefined;
      // On the way out everything that changed is said, at the pace alone.
      if (content.live === undefined)
        return fate(now() + this.#pace.waitMs(now()), claimedAt) === 'send' ? content : 'give back';
      if (signal.aborted) return 'give back';
      const waitMs = Math.max((shown?.at ?? 0) + content.live.everyMs - now(), this.#pace.waitMs(now()));
      if (waitMs <= 0) return content;
      if (fate(now(), claimedAt) === 'give back') return 'give back';
      await delay(Math.min(waitMs, PEEK_MS), signal);
    }
  }
}
