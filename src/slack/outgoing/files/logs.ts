import { Arrivals } from '../arrivals.ts';
import { type ClaimedRow, LEASE_MS } from '../row/claimed-row.ts';
import type { PosterContext } from '../row/context.ts';
import { renderRow } from '../row/render-row.ts';
import { giveBack } from '../row/settle-row.ts';
import { UnderWay } from '../row/under-way.ts';

/** So that a small run's files need not wait for those of a large one. */
const AT_ONCE = 2;

/**
 * The files on whole runs. They may take minutes, so they have a lane of their own: no message waits behind
 * one. What is being sent when the poster stops is not waited for; it is sent anew at the next start.
 */
export class Logs {
  readonly #context: PosterContext;
  readonly #underWay: UnderWay;
  readonly #arrivals: Arrivals;

  constructor(context: PosterContext) {
    this.#context = context;
    this.#underWay = new UnderWay(context, AT_ONCE);
    this.#arrivals = new Arrivals(context);
  }

  room(): number {
    return this.#underWay.room();
  }

  add(claimed: ClaimedRow): void {
    this.#underWay.add(claimed, () => this.#whileHeld(claimed, () => this.#send(claimed)));
  }

  idle(): Promise<void> {
    return this.#underWay.idle();
  }

  /**
   * A file of a hundred megabytes may take long to get to Slack: it is claimed anew all the while, and no longer than
   * that, as this process may end, or be cut off from the store, in the middle of it.
   */
  async #whileHeld({ row }: ClaimedRow, send: () => Promise<void>): Promise<void> {
    const { outbox, now, log } = this.#context;
    const timer = setInterval(() => {
      outbox.hold(row, now() + LEASE_MS).catch((error: unknown) => {
        log.warn(
          { key: row.key, err: error },
          'a file that is being sent could not be kept: it may be sent once more',
        );
      });
    }, LEASE_MS / 3);
    try {
      await send();
    } finally {
      clearInterval(timer);
    }
  }

  async #send({ row }: ClaimedRow): Promise<void> {
    const { workspace, outbox, signal } = this.#context;
    this.#arrivals.expect([row]);
    const { content, what } = await renderRow(this.#context, row);
    if (content === undefined || row.threadTs === null) {
      await outbox.sent(row, row.ts ?? '');
      return;
    }
    // The files' methods have budgets of their own: no message need wait for their sake.
    if (!('filename' in content)) await workspace.paces.waitForPlace(row.channelId, signal);
    if (signal.aborted) await giveBack(this.#context, [row]);
    else await this.#arrivals.bring(row.channelId, [{ row, content: workspace.masked(content), what }]);
  }
}
