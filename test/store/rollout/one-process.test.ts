import { expect, test } from 'vitest';
import { openRig, openRun } from '../rig.ts';
import { end, FAILED, hostsOf, runBatch, standOf, startAll } from './rig.ts';

/** What holds of a file, whose process is the only one; on a server see `test/store/server/`. */

// Of a server only who has taken a job may start it.
test('a batch is guarded where it starts: who has a job of a later batch in hand cannot start it', async () => {
  await using rig = await openRig();
  const run = await openRun(rig.store, { hosts: 3, rollout: { serial: [{ count: 1 }] } });
  const jobs = (await rig.store.listJobs(run.id)).map(({ id, runId, host }) => ({ id, runId, host }));
  expect(hostsOf(await rig.store.jobs.start(jobs))).toEqual(['web01']);
});

// On a server another process may run it still: `test/store/server/`.
test('a rollout goes on where it was after a start, and what was running has ended its batch', async () => {
  await using rig = await openRig();
  const run = await openRun(rig.store, { hosts: 3, rollout: { serial: [{ count: 1 }] } });
  expect(await runBatch(rig.store)).toEqual(['web01']);
  await rig.reopen();
  expect(hostsOf(await startAll(rig.store))).toEqual(['web02']);
  await rig.reopen();
  expect(await standOf(rig.store, run.id)).toMatchObject({ batch: 3, failures: 1 });
  expect(await runBatch(rig.store)).toEqual(['web03']);
  expect((await rig.store.findRun(run.id))?.progress.settled).toEqual({ ok: 2, interrupted: 1 });
});

test('-maxfail is looked at as results come, not between batches, and holds over a start', async () => {
  await using rig = await openRig();
  const run = await openRun(rig.store, { hosts: 4, rollout: { maxFail: { count: 0 } }, fanOut: 2 });
  const [one, other] = await startAll(rig.store);
  if (one === undefined || other === undefined) throw new Error('no jobs');
  await end(rig.store, [one], FAILED);
  // What was taken before the failure and not started: the start guard has the last word.
  const waiting = (await rig.store.listJobs(run.id)).filter(({ id }) => id !== one.id && id !== other.id);
  expect(await rig.store.jobs.start(waiting)).toEqual([]);
  await end(rig.store, [other]);
  expect((await rig.store.findRun(run.id))?.progress.settled).toEqual({ ok: 1, failed: 1, skipped: 2 });
  expect((await rig.store.findRun(run.id))?.state).toBe('finished');

  const second = await openRun(rig.store, { hosts: 4, rollout: { maxFail: { count: 0 } }, fanOut: 1 });
  expect(await startAll(rig.store)).toHaveLength(1);
  await rig.reopen();
  expect(await startAll(rig.store)).toEqual([]);
  expect((await rig.store.findRun(second.id))?.progress.settled).toEqual({ interrupted: 1, skipped: 3 });
});

test('a canary that died with the bot is one that did not end ok, and stops all the same', async () => {
  await using rig = await openRig();
  const run = await openRun(rig.store, { hosts: 3, rollout: { canary: 1 } });
  await startAll(rig.store);
  await rig.reopen();
  expect(await standOf(rig.store, run.id)).toMatchObject({
    phase: 'paused',
    held: 'the canary has ended: 1 interrupted',
  });
  expect(await startAll(rig.store)).toEqual([]);
});
