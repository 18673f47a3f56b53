import type { EndedJob, TakenJob } from '../run/run.ts';

/**
 * Which jobs may run now. The embedded one keeps its order in memory; one over several replicas asks its
 * engine. At-most-once does not rest on it: `start` is the only way to begin a job, and answers once in a
 * job's life.
 */
export interface JobSource {
  /**
   * At most `n` jobs that may start now: of released runs, each person within their share, each run within its
   * fan-out, each host within its limit; who has the fewest comes first, and the runs of each take turns. A taken
   * job is not handed out again before it is settled.
   */
  take(n: number): Promise<readonly TakenJob[]>;
  /** The start guard: marks `queued` jobs as `running`, durably, and tells which ones: only these may be run. */
  start(jobs: readonly TakenJob[]): Promise<readonly TakenJob[]>;
  /** Stores outcomes, their outbox rows and, with a run's last job, the audit entry `settled`: one transaction. */
  settle(ended: readonly EndedJob[]): Promise<void>;
  /** Calls back when there may be something to take. */
  onReady(listener: () => void): void;
  /**
   * Calls back where jobs of this process are to end: `cancelled` by somebody in another one, or `cut-off`, as this
   * one has been out of touch for so long that their hosts are about to be given away, or have been.
   */
  onStop(listener: (jobIds: readonly string[], why: 'cancelled' | 'cut-off') => void): void;
  /** Asked right before something is sent to a host that cannot be taken back: false where we may not be trusted with it any more. */
  mayBegin(): boolean;
}
