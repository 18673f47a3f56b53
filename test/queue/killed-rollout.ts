/** The child of rollout-kill.test.ts: a rollout on real store and queue, of which each step leaves a line in a file. */
import { appendFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { openDispatcher } from '../../src/queue/dispatcher.ts';
import { openStore } from '../../src/store/open.ts';
import { approvedPlan, okOutcome, quiet } from '../store/rig.ts';
import { approveAny, skipAll } from './rig.ts';
import { HOSTS, ROLLOUT } from './rollout-kill.ts';

const [database = '', traces = ''] = process.argv.slice(2);
const trace = (what: string): void => appendFileSync(traces, `${what} ${Date.now()}\n`);
const store = await openStore({
  url: `file:${database}`,
  hostConcurrency: 1,
  auditChannel: 'CAUDIT',
  mask: (text) => text,
  log: quiet,
});
trace('life');
// As after a redelivery: the same request each time.
const { run } = await store.createRun(approvedPlan({ hosts: HOSTS, rollout: ROLLOUT }), 'the one request');
await store.releaseRun(run.id, '1.0');

const dispatcher = openDispatcher({
  jobs: store.jobs,
  concurrency: 20,
  async execute({ host }) {
    trace(`begin:${host}`);
    await setTimeout(5 + Math.random() * 20);
    trace(`end:${host}`);
    return okOutcome(host);
  },
  approve: (runId) => approveAny(store, runId),
  refuse: (runId, refusal) => skipAll(store, runId, refusal.message),
  log: quiet,
});
while ((await store.openRuns()).length > 0) await setTimeout(10);
await dispatcher.stop(0);
await store.close();
process.stdout.write('finished\n');
