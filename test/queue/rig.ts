import { vi } from 'vitest';
import type { Approved } from '../../src/policy/approved.ts';
import type { JobSource } from '../../src/ports/job-source.ts';
import type { Store } from '../../src/ports/store.ts';
import { type Dispatcher, type DispatcherSettings, openDispatcher } from '../../src/queue/dispatcher.ts';
import { bareOutcome, type Outcome } from '../../src/run/outcome.ts';
import type { Plan } from '../../src/run/plan.ts';
import type { TakenJob } from '../../src/run/run.ts';
import { okOutcome, openRig, quiet, type StoreRig } from '../store/rig.ts';

/** Eager: the machine may be busy, and the facts are near. */
export const until = (check: () => unknown): Promise<unknown> =>
  vi.waitFor(check, { timeout: 10_000, interval: 5 });

export const outcomesOf = async (store: Store, runId: string): Promise<string[]> =>
  (await store.listJobs(runId)).map(({ host, state, outcome }) => `${host} ${outcome?.kind ?? state}`);

/** A job on the wire: the test says when and how it ends. */
export interface Sent {
  readonly job: TakenJob;
  readonly signal: AbortSignal;
  end(outcome?: Outcome): void;
}

export interface QueueRig extends AsyncDisposable {
  readonly rig: StoreRig;
  readonly store: Store;
  readonly dispatcher: Dispatcher;
  /** Everything that ever went on the wire, in order. */
  readonly sent: Sent[];
  /** What is on it now. */
  readonly onWire: ReadonlySet<Sent>;
}

/** The real store and the real dispatcher; only the wire is the test's. */
export async function openQueue(
  settings: Partial<DispatcherSettings> & { readonly wrap?: (jobs: JobSource) => JobSource } = {},
): Promise<QueueRig> {
  const { wrap = (jobs) => jobs, ...more } = settings;
  const rig = await openRig();
  const { store } = rig;
  const sent: Sent[] = [];
  const onWire = new Set<Sent>();
  const dispatcher = openDispatcher({
    jobs: wrap(store.jobs),
    concurrency: 10,
    execute: (job, _plan, signal) =>
      new Promise((resolve) => {
        const one: Sent = {
          job,
          signal,
          end(outcome = okOutcome()) {
            onWire.delete(one);
            resolve(outcome);
          },
        };
        sent.push(one);
        onWire.add(one);
      }),
    approve: (runId) => approveAny(store, runId),
    refuse: (runId, refusal) => skipAll(store, runId, refusal.message),
    log: quiet,
    ...more,
  });
  return {
    rig,
    store,
    dispatcher,
    sent,
    onWire,
    async [Symbol.asyncDispose]() {
      const stopped = dispatcher.stop(0);
      for (const one of onWire) one.end(bareOutcome('interrupted', ''));
      await stopped;
      await rig[Symbol.asyncDispose]();
    },
  };
}

export async function approveAny(store: Store, runId: string): Promise<Approved<Plan>> {
  const run = await store.findRun(runId);
  if (run === undefined) throw new Error(`no run ${runId}`);
  return run.plan as Approved<Plan>;
}

export async function skipAll(store: Store, runId: string, reason: string): Promise<void> {
  const jobs = await store.listJobs(runId);
  await store.skipJobs(
    runId,
    jobs.map(({ host }) => host),
    reason,
  );
}

/** Aborted jobs end as a transport ends them. */
export function obeyAborts(sent: readonly Sent[]): void {
  for (const one of sent) {
    const end = (): void =>
      one.end(bareOutcome(one.signal.reason === 'cancelled' ? 'cancelled' : 'interrupted', 'aborted'));
    if (one.signal.aborted) end();
    else one.signal.addEventListener('abort', end);
  }
}

/** An object's methods live on its class; a spread would leave them behind. */
export function portOf(jobs: JobSource): JobSource {
  return {
    take: (n) => jobs.take(n),
    start: (wanted) => jobs.start(wanted),
    settle: (ended) => jobs.settle(ended),
    onReady: (listener) => jobs.onReady(listener),
    onStop: (listener) => jobs.onStop(listener),
    mayBegin: () => true,
  };
}
