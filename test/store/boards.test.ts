import { describe, expect, test } from 'vitest';
import { claimAll, drain, okOutcome, openRig, openRun } from './rig.ts';

const keysOf = (rows: readonly { readonly key: string }[]): string[] => rows.map(({ key }) => key).toSorted();

describe('the rows of a board', () => {
  test('are one page while the run goes on, and all pages and both files once it has ended', async () => {
    await using rig = await openRig({ auditChannel: undefined });
    const run = await openRun(rig.store, { hosts: 12, fanOut: 6 });
    const inThread = async () =>
      (await claimAll(rig.store, { leaseMs: 0 })).filter(({ key }) => key !== `root:${run.id}`);
    expect(await inThread()).toEqual([]);
    const jobs = await rig.store.jobs.start(await rig.store.jobs.take(6));
    await rig.store.jobs.settle(jobs.map((job) => ({ job, outcome: okOutcome('up') })));
    const live = await inThread();
    expect(live).toMatchObject([{ key: `board:${run.id}:1`, threadTs: expect.any(String) }]);
    await drain(rig.store);
    const all = await inThread();
    expect(keysOf(all)).toEqual([
      ...[1, 2, 3, 4].map((page) => `board:${run.id}:${page}`),
      `log:${run.id}:json`,
      `log:${run.id}:text`,
    ]);
  });

  test('that stand are told from those that do not', async () => {
    await using rig = await openRig({ auditChannel: undefined });
    await openRun(rig.store, { hosts: 12 });
    await drain(rig.store);
    const [first, second] = await claimAll(rig.store, { lane: 'posts', leaseMs: 0 });
    if (first === undefined || second === undefined) throw new Error('no pages');
    await rig.store.outbox.sent({ ...first, version: 0 }, '7.7');
    await rig.store.outbox.sent({ ...second, version: 0 }, '');
    expect(keysOf(await claimAll(rig.store, { lane: 'edits', leaseMs: 0 }))).toContain(first.key);
    expect(await claimAll(rig.store, { lane: 'posts', leaseMs: 0 })).toHaveLength(3);
  });

  test('show a result once, whatever comes after', async () => {
    await using rig = await openRig({ auditChannel: undefined });
    const run = await openRun(rig.store, { hosts: 12 });
    await drain(rig.store, ({ host }) => okOutcome(host === 'web05' ? 'other' : 'same', { durationMs: 5 }));
    const rows = await rig.store.listFoldRows(run.id);
    expect(rows.map(({ host }) => host)).toEqual((await rig.store.listJobs(run.id)).map(({ host }) => host));
    expect(new Set(rows.map(({ fold }) => fold)).size).toBe(2);
    expect(rows[4]).toMatchObject({ kind: 'ok', exitCode: 0, durationMs: 5, outputChars: 5 });
    const hosts: string[] = [];
    for await (const job of rig.store.readJobs(run.id)) hosts.push(`${job.host} ${job.outcome?.stdout.head}`);
    expect(hosts[4]).toBe('web05 other');
    expect(hosts).toHaveLength(12);
  });

  test('the slowest hosts are those that run longest, and in the end those that took longest', async () => {
    let clock = 1_000_000;
    await using rig = await openRig({ now: () => clock });
    const run = await openRun(rig.store, { hosts: 3, fanOut: 3 });
    const [first, ...others] = await rig.store.jobs.start(await rig.store.jobs.take(3));
    if (first === undefined) throw new Error('nothing started');
    clock += 5_000;
    const settle = (jobs: typeof others, durationMs: number) =>
      rig.store.jobs.settle(jobs.map((job) => ({ job, outcome: okOutcome('', { durationMs }) })));
    await settle(others, 70);
    expect(await rig.store.listSlowest(run.id, 3)).toEqual([{ host: first.host, startedAt: 1_000_000 }]);
    await settle([first], 5_000);
    expect((await rig.store.listSlowest(run.id, 2))[0]).toEqual({ host: first.host, durationMs: 5_000 });
  });
});
