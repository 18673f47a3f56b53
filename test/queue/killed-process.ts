/** The child of kill.test.ts: a run on real store and queue, whose jobs leave a line in a file each. */
import { appendFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { bareOutcome } from '../../src/run/outcome.ts';
import { approvedPlan, okOutcome } from '../store/rig.ts';
import { die, openFile, runToTheEnd } from './killed-run.ts';

const [database = '', traces = '', hosts = '', until = '', turns = ''] = process.argv.slice(2);
const store = await openFile(database);
if (until === 'opened') await die();
// As after a redelivery: the same request each time.
const plan = approvedPlan({ hosts: Number(hosts), fanOut: 50, skip: { web03: 'disabled' } });
const { run } = await store.createRun(plan, 'the one request');
if (until === 'created') await die();
await store.releaseRun(run.id, '1.0');
let left = Number(until);
await runToTheEnd(store, async (job) => {
  appendFileSync(traces, `${job.id}\n`);
  if (--left === 0) void die(Number(turns));
  await setTimeout(5 + Math.random() * 30);
  return Math.random() < 0.1 ? bareOutcome('failed', '') : okOutcome(job.host);
});
