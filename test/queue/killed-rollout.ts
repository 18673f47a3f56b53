/** The child of rollout-kill.test.ts: a rollout on real store and queue, of which each step leaves a line in a file. */
import { appendFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { approvedPlan, okOutcome } from '../store/rig.ts';
import { die, openFile, runToTheEnd } from './killed-run.ts';
import { HOSTS, ROLLOUT } from './rollout-kill.ts';

const [database = '', traces = '', until = '', times = ''] = process.argv.slice(2);
let left = Number(times);
const trace = (what: string): void => {
  appendFileSync(traces, `${what} ${Date.now()}\n`);
  if (what.startsWith(`${until}:`) && --left === 0) void die();
};
const store = await openFile(database);
trace('life');
// As after a redelivery: the same request each time.
const { run } = await store.createRun(approvedPlan({ hosts: HOSTS, rollout: ROLLOUT }), 'the one request');
await store.releaseRun(run.id, '1.0');
await runToTheEnd(store, async ({ host }) => {
  trace(`begin:${host}`);
  await setTimeout(5 + Math.random() * 20);
  trace(`end:${host}`);
  return okOutcome(host);
});
