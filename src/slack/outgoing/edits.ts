import { type Message, plainVariant } from '../../report/message.ts';
import { delay } from '../../time/delay.ts';
import { editMessage } from './delivery.ts';
import { classify } from './failure.ts';
import { Pace } from './pace.ts';
import { type ClaimedRow, mayStillSend } from './row/claimed-row.ts';
import type { PosterContext } from './row/context.ts';
import { renderRow } from './row/render-row.ts';
import { giveBack } from './row/settle-row.ts';
import { UnderWay } from './row/under-way.ts';

/** How often an edit that waits is made anew: the run may have ended meanwhile. */
const PEEK_MS = 250;
const AT_ONCE = 64;

/** Of a message that stands. */
interface ClaimedEdit extends ClaimedRow {
  readonly ts: string;
}

/**
 * Edits of messages that stand: root messages and boards. A row waits until its message may change again, and
 * is made anew meanwhile, so that a thousand results become a few edits that say the latest. chat.update has one
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
    this.#underWay = new UnderWay(context, AT_ONCE);
  }

  room(): number {
    return this.#underWay.room();
  }

  add(edit: ClaimedEdit): void {
    this.#underWay.add(edit, () => this.#send(edit));
  }

  idle(): Promise<void> {
    return this.#underWay.idle();
  }

  async #send(edit: ClaimedEdit): Promise<void> {
    const { outbox, clock, signal, workspace, log } = this.#context;
    const { row, ts } = edit;
    const next = await this.#waitForContent(edit);
    if (next === 'as shown') {
      await outbox.sent(row, ts);
      return;
    }
    if (next === 'give back') {
      await giveBack(this.#context, [row], this.#pace.waitMs());
      return;
    }
    const { message, what } = next;
    await delay(this.#pace.reserve(), signal);
    const masked = workspace.masked(message);
    const at = { channel: row.channelId, ts, key: row.key };
    try {
      await editMessage(workspace.posts, at, masked, log);
    } catch (error) {
      const failure = classify(error);
      if (failure.code === 'ratelimited') this.#pace.suspend(failure.retryAfterMs ?? 1_000);
      if (failure.kind !== 'content') throw error;
      log.error(
        { key: row.key, error: failure.code },
        'Slack refuses the form of an edit: sent as bare text',
      );
      await delay(this.#pace.reserve(), signal);
      await editMessage(workspace.posts, at, plainVariant(masked), log);
    }
    if (message.live !== undefined)
      this.#shown.set(row.key, { content: JSON.stringify(message), at: clock() });
    else this.#shown.delete(row.key);
    await outbox.sent(row, ts, what);
    await this.#context.closed.worked(row.channelId, 'edit');
  }

  /** The message once it may be sent; `as shown` where there is nothing to change (any more). */
  async #waitForContent(edit: ClaimedEdit): Promise<Content | 'as shown' | 'give back'> {
    const { clock, signal } = this.#context;
    const { row } = edit;
    const shown = this.#shown.get(row.key);
    for (;;) {
      const { content: message, what } = await renderRow(this.#context, row);
      if (message === undefined || 'filename' in message) return 'as shown';
      if (shown?.content === JSON.stringify(message)) return 'as shown';
      const waitMs = this.#waitMs(message, shown?.at);
      // The last word goes at the pace alone, also in the shutdown: it takes the next place, however far.
      if (message.live === undefined) {
        return mayStillSend(edit, clock() + waitMs) ? { message, what } : 'give back';
      }
      if (signal.aborted) return 'give back';
      if (waitMs <= 0) return { message, what };
      if (!mayStillSend(edit, clock())) return 'give back';
      await delay(Math.min(waitMs, PEEK_MS), signal);
    }
  }

  /** Until it may be sent: a live message is left alone for a while after it was `shownAt`. */
  #waitMs({ live }: Message, shownAt: number | undefined): number {
    const freeInMs = this.#pace.waitMs();
    if (live === undefined || shownAt === undefined) return freeInMs;
    return Math.max(freeInMs, shownAt + live.everyMs - this.#context.clock());
  }
}

interface Content {
  readonly message: Message;
  readonly what: 'message' | 'notice';
}
