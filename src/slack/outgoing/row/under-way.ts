import PQueue from 'p-queue';
import type { ClaimedRow } from './claimed-row.ts';
import type { PosterContext } from './context.ts';
import { settleRows } from './settle-row.ts';

/** Rows that are being sent side by side, at most `limit` of them. */
export class UnderWay {
  readonly #context: PosterContext;
  readonly #queue: PQueue;

  constructor(context: PosterContext, limit: number) {
    this.#context = context;
    this.#queue = new PQueue({ concurrency: limit });
    this.#queue.addEventListener('next', context.onRoom);
  }

  /** How many more would begin at once: a row that only waits here would use up its lease. */
  room(): number {
    return this.#queue.concurrency - this.#queue.pending - this.#queue.size;
  }

  add({ row }: ClaimedRow, send: () => Promise<void>): void {
    void this.#queue.add(() => settleRows(this.#context, [row], send));
  }

  idle(): Promise<void> {
    return this.#queue.onIdle();
  }
}
