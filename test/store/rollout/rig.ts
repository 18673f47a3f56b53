import type { Store } from '../../../src/ports/store.ts';
import { bareOutcome, type Outcome } from '../../../src/run/outcome.ts';
import type { TakenJob } from '../../../src/run/run.ts';
import type { Beat } from '../../../src/time/beat.ts';
import { okOutcome } from '../rig.ts';

/** Time enough on a busy machine, and for several processes to hear of each other. */
export const SOON = { timeout: 15_000 };

export const FAILED = bareOutcome('failed', '');

/** Whatever may start now, on the wire. */
export async function startAll(store: Store): Promise<readonly TakenJob[]> {
  return await store.jobs.start(await store.jobs.take(100));
}

export const hostsOf = (jobs: readonly TakenJob[]): string[] => jobs.map(({ host }) => host);

export async function end(
  store: Store,
  jobs: readonly TakenJob[],
  outcome: Outcome = okOutcome(),
): Promise<void> {
  await store.jobs.settle(jobs.map((job) => ({ job, outcome })));
}

/** Starts what may, and ends it. */
export async function runBatch(store: Store, outcome?: Outcome): Promise<string[]> {
  const jobs = await startAll(store);
  await end(store, jobs, outcome);
  return hostsOf(jobs);
}

export async function standOf(store: Store, runId: string) {
  const run = await store.findRun(runId);
  if (run === undefined) throw new Error(`no run ${runId}`);
  return { state: run.state, held: run.held, ...run.rollout };
}

/** A machine whose clocks the test sets. */
export function machine() {
  const clock: { boot: string; uptimeMs: number; at: number } = { boot: 'one', uptimeMs: 5_000, at: 1e12 };
  let reads = 0;
  return {
    clock,
    reads: () => reads,
    beat: (): Beat => {
      reads += 1;
      return { ...clock };
    },
    pass(ms: number) {
      clock.uptimeMs += ms;
      clock.at += ms;
    },
  };
}
