import type { Outcome } from '../run/outcome.ts';
import type { TakenJob } from '../run/run.ts';
import { StateOf } from './state.ts';

/**
 * - `in-line`: taken, and about to be given a slot by p-queue.
 * - `on-turn`: p-queue gave it a slot. It is not started; its run's approval may be pending.
 * - `doubtful`: the store failed as it was to start: whether it is marked as running there is not known.
 * - `running`: durably marked as such, on the wire, until `execute` answers.
 * - `ended`: its outcome waits to be stored, and holds the slot until it is.
 * - `gone`: the slot is free. Its outcome is stored, or it was not started (the guard said no, the run was
 *   refused, the process stops) and is no longer ours.
 */
export type EntryState =
  | { readonly kind: 'in-line' }
  | { readonly kind: 'on-turn' }
  | { readonly kind: 'doubtful' }
  | { readonly kind: 'running' }
  | { readonly kind: 'ended'; readonly outcome: Outcome }
  | { readonly kind: 'gone' };

const NEXT: Readonly<Record<EntryState['kind'], readonly EntryState['kind'][]>> = {
  'in-line': ['on-turn', 'gone'],
  'on-turn': ['doubtful', 'running', 'gone'],
  doubtful: ['doubtful', 'running', 'ended', 'gone'],
  running: ['ended'],
  ended: ['gone'],
  gone: [],
};

/** A job that is here, from when it is taken until its outcome is stored. */
export class Entry {
  readonly job: TakenJob;
  /** Aborted with the reason `cancelled`, `interrupted` or `cut-off`. */
  readonly abort = new AbortController();
  readonly #state = new StateOf<EntryState>('a job in the queue', NEXT, { kind: 'in-line' });
  readonly #gone = Promise.withResolvers<void>();

  constructor(job: TakenJob) {
    this.job = job;
  }

  get state(): EntryState {
    return this.#state.now;
  }

  become(state: EntryState): void {
    this.#state.become(state);
    if (state.kind === 'gone') this.#gone.resolve();
  }

  /** Resolves once it is `gone`. */
  gone(): Promise<void> {
    return this.#gone.promise;
  }
}
