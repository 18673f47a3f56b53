import PQueue from 'p-queue';
import type { TakenJob } from '../run/run.ts';
import { breathe } from '../time/breathe.ts';
import { Entry, type EntryState } from './entry.ts';

/**
 * The jobs that are here. p-queue keeps the fixed concurrency of the whole bot: each job is a task of its, which
 * begins as the job gets its slot and ends as that is free again. No more are taken than there are slots: who is
 * next is decided as one frees, among all that wait then.
 */
export class Line {
  readonly #slots: PQueue;
  readonly #onTurn: () => void;
  readonly #entries = new Map<string, Entry>();

  constructor(concurrency: number, onTurn: () => void) {
    this.#slots = new PQueue({ concurrency });
    this.#onTurn = onTurn;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** How many more would have a slot at once, by p-queue's count; a slot that was left is free from `dealt` on. */
  room(): number {
    return this.#slots.concurrency - this.#slots.pending - this.#slots.size;
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

  /** Until p-queue has taken back the slots that were left, and given away all that are free. */
  async dealt(): Promise<void> {
    await breathe();
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
