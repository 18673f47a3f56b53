import { expect, test } from 'vitest';
import type { AuditEntry } from '../../src/run/audit-entry.ts';
import { ANN, BOB, claimAll, drain, openRig, openRun } from './rig.ts';

test('cancelling one host stops that one, is audited, and says the same again', async () => {
  await using rig = await openRig();
  const { store } = rig;
  const run = await openRun(store, { hosts: 3, fanOut: 1 });
  const started = await store.jobs.start(await store.jobs.take(1));
  expect(started.map(({ host }) => host)).toEqual(['web01']);

  const waiting = await store.cancelHosts(run.id, ['web02'], BOB);
  expect(waiting).toEqual({ skipped: 1, running: [] });
  const running = await store.cancelHosts(run.id, ['web01'], BOB);
  expect(running.running.map(({ host }) => host)).toEqual(['web01']);
  expect((await store.cancelHosts(run.id, ['web02'], BOB)).skipped).toBe(0);

  const { progress, cancelledBy } = (await store.findRun(run.id)) ?? {};
  expect(progress).toEqual({ queued: 1, running: 1, settled: { skipped: 1 } });
  expect(cancelledBy).toBeUndefined();
  const acts: AuditEntry[] = [];
  for await (const entry of store.audit.entries()) if (entry.action === 'cancelled') acts.push(entry);
  expect(acts.map(({ userId, detail }) => [userId, detail.hosts])).toEqual([
    [BOB.userId, ['web02']],
    [BOB.userId, ['web01']],
  ]);
  expect((await store.audit.verify()).faults).toEqual([]);
});

test('cancelling the last waiting host finishes the run; a finished run has nothing to cancel', async () => {
  await using rig = await openRig();
  const { store } = rig;
  const run = await openRun(store, { hosts: 1 });
  await store.cancelHosts(run.id, ['web01'], ANN);
  expect((await store.findRun(run.id))?.state).toBe('finished');
  expect(await store.cancelHosts(run.id, ['web01'], ANN)).toEqual({ skipped: 0, running: [] });
});

test('the log of a small run is made once, when somebody asks, and again where it could not be put', async () => {
  await using rig = await openRig();
  const { store } = rig;
  const run = await openRun(store, { hosts: 2 });
  await drain(store);
  const logs = () => claimAll(store, { lane: 'bulk' });
  expect(await logs()).toEqual([]);
  expect(await store.postLog(run.id)).toBe(false);
  expect(await store.postLog(run.id)).toBe(false);
  const rows = await logs();
  expect(rows.map(({ key }) => key).toSorted()).toEqual([`log:${run.id}:json`, `log:${run.id}:text`]);
  const [one, other] = rows;
  if (one === undefined || other === undefined) throw new Error('two rows were claimed');
  await store.outbox.sent(one, 'F1');
  await store.outbox.giveUp(other, 'not_in_channel');
  expect(await store.postLog(run.id)).toBe(false);
  const again = await logs();
  expect(again.map(({ key }) => key)).toEqual([other.key]);
  for (const row of again) await store.outbox.sent(row, 'F2');
  expect(await store.postLog(run.id)).toBe(true);
});
