import { expect, test, vi } from 'vitest';
import { okOutcome, openRig, openRun } from '../rig.ts';
import { openAnother } from './another.ts';

const ALL = { limit: 100, leaseMs: 30_000, except: [] };

test.concurrent('one process at a time brings messages to Slack, and the next one as soon as that is done or gone', async () => {
  await using rig = await openRig({ auditChannel: undefined });
  await using other = await openAnother(rig, { auditChannel: undefined });
  const run = await openRun(rig.store, { hosts: 2 });
  const started = await rig.store.jobs.start(await rig.store.jobs.take(1));
  await rig.store.jobs.settle(started.map((job) => ({ job, outcome: okOutcome() })));
  const later = (): number => rig.store.clock() + 2_000;
  expect((await rig.store.outbox.claim({ ...ALL, now: later() })).map(({ key }) => key)).toContain(
    `reply:${run.id}:web01`,
  );
  const rest = await other.jobs.start(await other.jobs.take(1));
  await other.jobs.settle(rest.map((job) => ({ job, outcome: okOutcome() })));
  expect(await other.outbox.claim({ ...ALL, now: later() })).toEqual([]);
  // It hears of what the other made due without being told.
  const due = Promise.withResolvers<void>();
  rig.store.outbox.onDue(() => due.resolve());
  await due.promise;
  expect(await rig.store.outbox.claim({ ...ALL, now: later() })).not.toEqual([]);
  await other.recordEvent({ action: 'reloaded', detail: { reason: 'so that something is due' } });
  await openRun(other, { hosts: 1 });
  await vi.waitFor(
    async () => expect(await other.outbox.claim({ ...ALL, now: other.clock() + 30_000 })).not.toEqual([]),
    { timeout: 20_000, interval: 250 },
  );
}, 60_000);

test.concurrent('a file that lies on the disk of one process is brought by that one alone while it is there', async () => {
  await using rig = await openRig({ auditChannel: undefined });
  await using other = await openAnother(rig, { auditChannel: undefined });
  const run = await openRun(rig.store, { hosts: 1 });
  const long = okOutcome('x'.repeat(3_000));
  const started = await other.jobs.start(await other.jobs.take(1));
  await other.jobs.settle(started.map((job) => ({ job, outcome: long })));
  const file = `file:${run.id}:web01`;
  const keys = async (store: typeof other): Promise<readonly string[]> =>
    (await store.outbox.claim({ ...ALL, now: store.clock() + 2_000 })).map(({ key }) => key);
  const ours = await keys(Object.assign(rig.store, { [Symbol.asyncDispose]: async () => {} }));
  expect(ours).toContain(`reply:${run.id}:web01`);
  expect(ours).not.toContain(file);
  expect(await keys(other)).toEqual([file]);
}, 60_000);

test('what a host says that is followed is brought by the process that runs it, and its result by whoever posts', async () => {
  await using rig = await openRig({ auditChannel: undefined });
  await using other = await openAnother(rig, { auditChannel: undefined });
  const run = await openRun(rig.store, { hosts: 1, follow: true });
  const started = await other.jobs.start(await other.jobs.take(1));
  await other.refreshReply(run.id, 'web01');
  const reply = `reply:${run.id}:web01`;
  const claim = (store: typeof other) => store.outbox.claim({ ...ALL, now: store.clock() + 2_000 });
  const ours = Object.assign(rig.store, { [Symbol.asyncDispose]: async () => {} });
  expect((await claim(ours)).map(({ key }) => key)).not.toContain(reply);
  const live = await claim(other);
  expect(live.map(({ key }) => key)).toEqual([reply]);
  for (const row of live) await other.outbox.sent(row, '5.000');
  await other.jobs.settle(started.map((job) => ({ job, outcome: okOutcome('done') })));
  await other.refreshReply(run.id, 'web01');
  const last = (await claim(ours)).find(({ key }) => key === reply);
  expect(last?.ts).toBe('5.000');
  expect(await claim(other)).toEqual([]);
}, 60_000);
