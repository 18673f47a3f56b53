/** The child of kill.test.ts: a run on real store and queue, whose jobs leave a line in a file each. */
import { appendFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { openDispatcher } from '../../src/queue/dispatcher.ts';
import { bareOutcome } from '../../src/run/outcome.ts';
import { openStore } from '../../src/store/open.ts';
import { approvedPlan, okOutcome, quiet } from '../store/rig.ts';
import { approveAny, skipAll } from './rig.ts';

const [database = '', traces = '', hosts = ''] = process.argv.slice(2);
const store = await openStore({
  url: `file:${database}`,
  hostConcurrency: 1,
  auditChannel: 'CAUDIT',
  mask: (text) => text,
  log: quiet,
});
process.stdout.write('opened\n');
// As after a redelivery: the same request each time.
const plan = approvedPlan({ hosts: Number(hosts), fanOut: 50, skip: { web03: 'disabled' } });
const { run } = await store.createRun(plan, 'the one request');
process.stdout.write('created\n');
await store.releaseRun(run.id, '1.0');

const dispatcher = openDispatcher({
  jobs: store.jobs,
  concurrency: 20,
  async execute(job) {
    appendFileSync(traces, `${job.id}\n`);
    await setTimeout(5 + Math.random() * 30);
    return Math.random() < 0.1 ? bareOutcome('failed', '') : okOutcome(job.host);
  },
  approve: (runId) => approveAny(store, runId),
  refuse: (runId, refusal) => skipAll(store, runId, refusal.message),
  log: quiet,
});
while ((await store.openRuns()).length > 0) await setTimeout(10);
await dispatcher.stop(0);
await store.close();
process.stdout.write('finished\n');
