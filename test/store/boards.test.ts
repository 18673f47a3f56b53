import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { claimAll, drain, okOutcome, openRig, openRun } from './rig.ts';

const keysOf = (rows: readonly { readonly key: string }[]): string[] => rows.map(({ key }) => key).toSorted();

describe('the rows of a board', () => {
  test('are one page while the run goes on, and all pages and both files once it has ended', async () => {
    await using rig = await openRig({ auditChannel: undefined });
    const run = await openRun(rig.store, { hosts: 12, fanOut: 6 });
    const inThread = ['reply', 'file', 'board', 'log'] as const;
    expect(await claimAll(rig.store, { kinds: inThread, leaseMs: 0 })).toEqual([]);
    const jobs = await rig.store.jobs.start(await rig.store.jobs.take(6));
    await rig.store.jobs.settle(jobs.map((job) => ({ job, outcome: okOutcome('up') })));
    const live = await claimAll(rig.store, { kinds: inThread, leaseMs: 0 });
    expect(live).toMatchObject([{ key: `board:${run.id}:1`, part: '1', threadTs: expect.any(String) }]);
    await drain(rig.store);
    const all = await claimAll(rig.store, { kinds: inThread, leaseMs: 0 });
    expect(keysOf(all)).toEqual([
      ...[1, 2, 3, 4, 5, 6].map((page) => `board:${run.id}:${page}`),
      `log:${run.id}:json`,
      `log:${run.id}:text`,
    ]);
  });

  test('that stand are told from those that do not', async () => {
    await using rig = await openRig({ auditChannel: undefined });
    await openRun(rig.store, { hosts: 12 });
    await drain(rig.store);
    const kinds = ['board'] as const;
    const [first, second] = await claimAll(rig.store, { kinds, leaseMs: 0 });
    if (first === undefined || second === undefined) throw new Error('no pages');
    await rig.store.outbox.sent({ ...first, version: 0 }, '7.7');
    await rig.store.outbox.sent({ ...second, version: 0 }, '');
    expect(keysOf(await claimAll(rig.store, { kinds, leaseMs: 0, standing: true }))).toEqual([first.key]);
    expect(await claimAll(rig.store, { kinds, leaseMs: 0, standing: false })).toHaveLength(5);
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

  test('come also in a database of before there were any: nothing of it is lost', async () => {
    await using rig = await openRig();
    const run = await openRun(rig.store, { hosts: ['a', 'b'] });
    await drain(rig.store, () => okOutcome('up'));
    const before = keysOf(await claimAll(rig.store, { leaseMs: 0 }));
    await rig.store.close();

    // As the first version made it.
    const old = new DatabaseSync(rig.path);
    for (const column of ['fold', 'exit_code', 'duration_ms', 'output_chars']) {
      old.exec(`alter table result drop column ${column}`);
    }
    const { sql } = { ...old.prepare("select sql from sqlite_schema where name = 'outbox'").get() };
    old.exec('alter table outbox rename to newer');
    old.exec('drop index outbox_due');
    old.exec(
      String(sql)
        .replace(/outbox(_next)?"?/, 'outbox')
        .replace('"outbox', 'outbox')
        .replace("'board', 'log', ", ''),
    );
    old.exec('insert into outbox select * from newer; drop table newer');
    old.exec('create index outbox_due on outbox (turn, due_at, position) where due_at is not null');
    old.exec('drop table leftover');
    old.exec("delete from kysely_migration where name >= '0002'");
    old.close();

    const store = await rig.reopen();
    expect(keysOf(await claimAll(store, { leaseMs: 0 }))).toEqual(before);
    expect((await store.listFoldRows(run.id)).map(({ host }) => host)).toEqual(['a', 'b']);
    const next = await openRun(store, { hosts: 12 });
    await drain(store);
    expect(keysOf(await claimAll(store, { leaseMs: 0, kinds: ['log'] }))).toEqual([
      `log:${next.id}:json`,
      `log:${next.id}:text`,
    ]);
    expect((await store.audit.verify()).faults).toEqual([]);
  });
});
