/** What the children of kill.test.ts and rollout-kill.test.ts have in common: real store and queue, over one file. */
import { setTimeout } from 'node:timers/promises';
import type { Store } from '../../src/ports/store.ts';
import { type DispatcherSettings, openDispatcher } from '../../src/queue/dispatcher.ts';
import { openStore } from '../../src/store/open.ts';
import { quiet } from '../store/rig.ts';
import { approveAny, skipAll } from './rig.ts';

export function openFile(database: string): Promise<Store> {
  return openStore({
    url: `file:${database}`,
    hostConcurrency: 1,
    auditChannel: 'CAUDIT',
    mask: (text) => text,
    log: quiet,
  });
}

/**
 * At a point of its own doing, and so many turns of its loop further: who watched it from outside could be held up until
 * it had done everything.
 */
export async function die(turns = 0): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
  process.kill(process.pid, 'SIGKILL');
}

/** Until no run is open any more. */
export async function runToTheEnd(store: Store, execute: DispatcherSettings['execute']): Promise<void> {
  const dispatcher = openDispatcher({
    jobs: store.jobs,
    concurrency: 20,
    execute,
    approve: (runId) => approveAny(store, runId),
    refuse: (runId, refusal) => skipAll(store, runId, refusal.message),
    log: quiet,
  });
  while ((await store.openRuns()).length > 0) await setTimeout(10);
  await dispatcher.stop(0);
  await store.close();
}
