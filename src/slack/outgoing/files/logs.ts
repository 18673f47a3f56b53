import { Arrivals } from '../arrivals.ts';
import type { ClaimedRow } from '../row/claimed-row.ts';
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
    this.#underWay.add(claimed, () => this.#send(claimed));
  }

  idle(): Promise<void> {
    return this.#underWay.idle();
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
