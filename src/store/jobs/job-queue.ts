import type { JobSource } from '../../ports/job-source.ts';
import type { Waits } from '../../run/waits.ts';
import type { RolloutChange } from '../rollout/steps.ts';

/** What else the store asks of the queue, and tells it. */
export interface JobQueue extends JobSource {
  /** Once, before anything is handed out: what former processes left. How many jobs were found to be interrupted. */
  recover(): Promise<number>;
  /**
   * Reads what of a run waits. The call that comes back lets it join the queue: after the commit that releases the
   * run, when nothing may fail any more.
   */
  prepare(runId: string): Promise<() => void>;
  /** After a commit: these jobs are no longer to be handed out, and what waited for them may go. */
  forget(jobIds: readonly string[]): void;
  /** After a commit: what became of rollouts in it. */
  follow(change: RolloutChange): void;
  waits(runIds: readonly string[]): Promise<ReadonlyMap<string, Waits>>;
  close(): Promise<void>;
}
