import { expect, test, vi } from 'vitest';
import type { Store } from '../../../src/ports/store.ts';
import type { TakenJob } from '../../../src/run/run.ts';
import { ANN, approvedPlan, BOB, claimAll, drain, okOutcome, openRig, openRun } from '../rig.ts';
import { openAnother } from './another.ts';

const hostsOf = (jobs: readonly TakenJob[]): readonly string[] => jobs.map(({ host }) => host).toSorted();

test('no two processes take the same job, and a host has one of them at a time', async () => {
  await using rig = await openRig();
  await using other = await openAnother(rig);
  await openRun(rig.store, { hosts: 6 });
  await openRun(other, { hosts: 6, requester: BOB });
  const [ours, theirs] = await Promise.all([rig.store.jobs.take(4), other.jobs.take(4)]);
  expect([ours.length, theirs.length].toSorted()).toEqual([2, 4]);
  expect(hostsOf([...ours, ...theirs])).toEqual(['web01', 'web02', 'web03', 'web04', 'web05', 'web06']);
  expect(await other.jobs.take(10)).toEqual([]);
  const [first] = await rig.store.jobs.start(ours);
  if (first === undefined) throw new Error('nothing started');
  await rig.store.jobs.settle([{ job: first, outcome: okOutcome() }]);
  expect(hostsOf(await other.jobs.take(10))).toEqual([first.host]);
});

test('what one process has taken no other one starts, and what one runs no other one ends', async () => {
  await using rig = await openRig();
  await using other = await openAnother(rig);
  const run = await openRun(rig.store, { hosts: 3 });
  const taken = await rig.store.jobs.take(3);
  expect(await other.jobs.start(taken)).toEqual([]);
  expect(await rig.store.jobs.start(taken)).toHaveLength(3);
  const ended = taken.map((job) => ({ job, outcome: okOutcome() }));
  await other.jobs.settle(ended);
  expect((await rig.store.findRun(run.id))?.progress).toMatchObject({ running: 3, settled: {} });
  await rig.store.jobs.settle(ended);
  expect((await rig.store.findRun(run.id))?.progress).toMatchObject({ running: 0, settled: { ok: 3 } });
});

test("fan-out and a person's share hold over all processes", async () => {
  await using rig = await openRig({ shares: { slots: 3, runs: 100, waiting: 1_000 } });
  await using other = await openAnother(rig, { shares: { slots: 3, runs: 100, waiting: 1_000 } });
  await openRun(rig.store, { hosts: 10, fanOut: 1 });
  const first = await rig.store.jobs.take(10);
  expect(first).toHaveLength(1);
  expect(await other.jobs.take(10)).toEqual([]);
  await openRun(other, { hosts: ['db01', 'db02', 'db03', 'db04'] });
  expect(await other.jobs.take(10)).toHaveLength(2);
  expect(await rig.store.jobs.take(10)).toEqual([]);
  // Somebody else's share is their own.
  await openRun(other, { hosts: ['cache01'], requester: BOB });
  expect(hostsOf(await rig.store.jobs.take(10))).toEqual(['cache01']);
});

test('as many jobs at once on a host as are allowed, over all processes', async () => {
  await using rig = await openRig({ hostConcurrency: 2 });
  await using other = await openAnother(rig, { hostConcurrency: 2 });
  for (const requester of [ANN, BOB, { teamId: 'T1', userId: 'UCARL' }]) {
    await openRun(rig.store, { hosts: ['web01'], requester });
  }
  expect(await rig.store.jobs.take(1)).toHaveLength(1);
  expect(await other.jobs.take(5)).toHaveLength(1);
  expect(await rig.store.jobs.take(5)).toEqual([]);
});

test('what one took and did not start is for the others as soon as it goes in order', async () => {
  await using rig = await openRig();
  await openRun(rig.store, { hosts: 3 });
  const taken = await rig.store.jobs.take(3);
  await using other = await openAnother(rig);
  expect(await other.jobs.take(3)).toEqual([]);
  await rig.store.close();
  await vi.waitFor(async () => expect(await other.jobs.take(3)).toHaveLength(3), { timeout: 5_000 });
  expect(await other.jobs.start(taken)).toHaveLength(3);
});

test('the last two jobs of a run that end in two processes at once end the run', async () => {
  await using rig = await openRig();
  await using other = await openAnother(rig);
  for (let round = 0; round < 5; round++) {
    const run = await openRun(rig.store, { hosts: 2 });
    const ours = await rig.store.jobs.start(await rig.store.jobs.take(1));
    const theirs = await other.jobs.start(await other.jobs.take(1));
    const settle = (store: Store, jobs: readonly TakenJob[]) =>
      store.jobs.settle(jobs.map((job) => ({ job, outcome: okOutcome() })));
    await Promise.all([settle(rig.store, ours), settle(other, theirs)]);
    expect((await other.findRun(run.id))?.state).toBe('finished');
  }
  expect((await rig.store.audit.verify()).faults).toEqual([]);
});

test('a cancel reaches what runs in another process', async () => {
  await using rig = await openRig();
  await using other = await openAnother(rig);
  const run = await openRun(rig.store, { hosts: 4 });
  const stopped = Promise.withResolvers<readonly string[]>();
  other.jobs.onStop((ids, why) => why === 'cancelled' && stopped.resolve(ids));
  const started = await other.jobs.start(await other.jobs.take(2));
  const { skipped, running } = await rig.store.cancelRun(run.id, ANN);
  expect([skipped, running.length]).toEqual([2, 2]);
  expect([...(await stopped.promise)].toSorted()).toEqual(started.map(({ id }) => id).toSorted());
});

test('the same request to two processes at once is one run; numbers and the audit have no gap', async () => {
  await using rig = await openRig();
  await using other = await openAnother(rig);
  const ends = await Promise.all(
    Array.from({ length: 12 }, (_, n) =>
      (n % 2 ? other : rig.store).createRun(approvedPlan(), `key-${n >> 1}`),
    ),
  );
  expect(new Set(ends.map(({ run }) => run.id)).size).toBe(6);
  expect(ends.filter(({ isNew }) => isNew)).toHaveLength(6);
  expect((await other.audit.verify()).faults).toEqual([]);
});

test('a row of the outbox is claimed by one process', async () => {
  await using rig = await openRig();
  await using other = await openAnother(rig);
  await openRun(rig.store, { hosts: 8 });
  await drain(rig.store);
  const [ours, theirs] = await Promise.all([claimAll(rig.store), claimAll(other)]);
  const keys = [...ours, ...theirs].map(({ key }) => key);
  expect(new Set(keys).size).toBe(keys.length);
});

test('several processes that start at once on an empty database make its tables once', async () => {
  await using rig = await openRig();
  await rig.store.close();
  await rig.query('drop schema public cascade; create schema public');
  await rig.query('drop schema batchops_queue cascade');
  const stores = await Promise.all([openAnother(rig), openAnother(rig), openAnother(rig)]);
  await openRun(stores[0], { hosts: 3 });
  expect(await drain(stores[1])).toHaveLength(3);
  await Promise.all(stores.map((store) => store.close()));
});

test('a host whose job was taken and is skipped before it began is free at once', async () => {
  await using rig = await openRig();
  await using other = await openAnother(rig);
  const run = await openRun(rig.store, { hosts: 1 });
  const taken = await rig.store.jobs.take(1);
  await openRun(other, { hosts: 1, requester: BOB });
  expect(await other.jobs.take(1)).toEqual([]);
  await other.skipJobs(run.id, ['web01'], 'not allowed any more');
  expect(hostsOf(await other.jobs.take(1))).toEqual(['web01']);
  expect(await rig.store.jobs.start(taken)).toEqual([]);
});
