import { setImmediate } from 'node:timers/promises';
import PQueue from 'p-queue';
import type { TakenJob } from '../run/run.ts';
import { Entry, type EntryState } from './entry.ts';

/** One job in line for so many slots: the next is at hand when one ends, and nobody who comes later waits long. */
const SLOTS_PER_JOB_IN_LINE = 16;

/**
 * The jobs that are here. p-queue keeps the fixed concurrency of the whole bot: each job is a task of its, which
 * begins as the job gets its slot and ends as that is free again. A little more is taken than there are slots.
 */
export class Line {
  readonly #slots: PQueue;
  readonly #most: number;
  readonly #onTurn: () => void;
  readonly #entries = new Map<string, Entry>();

  constructor(concurrency: number, onTurn: () => void) {
    this.#slots = new PQueue({ concurrency });
    this.#most = concurrency + Math.ceil(concurrency / SLOTS_PER_JOB_IN_LINE);
    this.#onTurn = onTurn;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** How many more may join. */
  room(): number {
    return this.#most - this.#entries.size;
  }

  join(job: TakenJob): void {
    const entry = new Entry(job);
    this.#entries.set(job.id, entry);
    // The task cannot fail, so neither can what p-queue makes of it.
    void this.#slots.add(async () => {
      if (entry.state.kind === 'gone') return;
      entry.become({ kind: 'on-turn' });
      this.#onTurn();
      await entry.gone();
    });
  }

  leave(entry: Entry): void {
    entry.become({ kind: 'gone' });
    this.#entries.delete(entry.job.id);
  }

  /** Until p-queue has given away every slot that is free. */
  async dealt(): Promise<void> {
    await setImmediate();
  }

  find(jobId: string): Entry | undefined {
    return this.#entries.get(jobId);
  }

  all(): readonly Entry[] {
    return [...this.#entries.values()];
  }

  in(...kinds: readonly EntryState['kind'][]): readonly Entry[] {
    return this.all().filter(({ state }) => kinds.includes(state.kind));
  }
}
