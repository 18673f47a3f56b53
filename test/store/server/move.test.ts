import { existsSync, readFileSync } from 'node:fs';
import pg from 'pg';
import { expect, inject, test, vi } from 'vitest';
import { ConfigError } from '../../../src/errors.ts';
import type { Store } from '../../../src/ports/store.ts';
import { openAuditTrail } from '../../../src/store/audit/trail.ts';
import { backUp } from '../../../src/store/backup.ts';
import { moveToServer, undoMove } from '../../../src/store/move/move.ts';
import { openStore } from '../../../src/store/open.ts';
import { createDatabase } from '../../rigs/postgres.ts';
import { ANN, claimAll, drain, openFileRig, openRun, quiet, type StoreRig } from '../rig.ts';
import { becomeOld, fill, killed, rowsAt, rowsOf } from './everything.ts';

interface There extends AsyncDisposable {
  readonly url: string;
  query(statement: string): Promise<Record<string, unknown>[]>;
}

async function openThere(): Promise<There> {
  const url = await createDatabase(inject('postgresPort') ?? 0);
  const types = {
    getTypeParser: (oid: number) => (oid === 20 ? Number : pg.types.getTypeParser(oid)),
  } as pg.CustomTypesConfig;
  const pool = new pg.Pool({ connectionString: url, max: 1, types });
  return {
    url,
    query: async (statement) => (await pool.query(statement)).rows,
    [Symbol.asyncDispose]: () => pool.end(),
  };
}

async function move(rig: StoreRig, { url }: There, said: string[] = []) {
  await rig.store.close().catch(() => {});
  const tell = (line: string) => void said.push(line);
  return await moveToServer({ file: rig.path, url, by: 'root', auditLines: 'channel', now: Date.now, tell });
}

async function openAt(url: string): Promise<Store & AsyncDisposable> {
  const settings = { hostConcurrency: 1, auditChannel: 'CAUDIT', mask: (text: string) => text, log: quiet };
  const store = await openStore({ url, ...settings });
  return Object.assign(store, { [Symbol.asyncDispose]: () => store.close() });
}

const refused = async (work: Promise<unknown>): Promise<string> => {
  const error = await work.catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(ConfigError);
  return String(error);
};

test('every row of every table arrives, the chain has the same head, and only the mark is written to the file', async () => {
  await using rig = await openFileRig();
  await using there = await openThere();
  await fill(rig);
  await killed(rig);
  const before = rowsOf(rig.path);
  expect(Object.keys(before).filter((name) => before[name]?.length === 0)).toEqual([]);
  const { seq, hash } = rig.sql('select seq, hash from audit_head')[0] ?? {};
  const said: string[] = [];
  const moved = await move(rig, there, said);
  expect(moved.faults).toEqual([]);
  expect(said.join('\n')).toContain(`0 faults; head ${seq}:${hash}`);
  expect(rowsOf(rig.path)).toEqual(before);
  expect(rig.sql("select name from kysely_migration where name like 'moved%'")).toHaveLength(1);
  const after = await rowsAt(there.query, Object.keys(before));
  const { audit: links = [], audit_head: _, outbox: rows = [], ...rest } = after;
  const { audit: linksBefore = [], audit_head: __, outbox: rowsBefore = [], ...restBefore } = before;
  expect(rest).toEqual(restBefore);
  expect(links.filter((link) => !linksBefore.includes(link)).join()).toContain(`up to ${seq}:${hash}`);
  expect(links).toHaveLength(linksBefore.length + 1);
  expect(rows.filter((row) => !rowsBefore.includes(row)).join()).toContain(`audit:${Number(seq) + 1}`);
  expect(rows).toHaveLength(rowsBefore.length + 1);
  expect(await there.query('select max(lease_until) as until from outbox')).toEqual([{ until: 0 }]);
  const { head, faults } = await openAuditTrail(there.url).verify();
  expect({ head, faults }).toEqual({ head: moved.head, faults: [] });
});

test('what ran when the bot ended is unknown there, what waited goes on, what was held or asked is so still', async () => {
  await using rig = await openFileRig();
  await using there = await openThere();
  const { waiting, running, unopened, paused, held } = await fill(rig);
  const due = (await claimAll(rig.store, { leaseMs: 0 })).map(({ key }) => key).toSorted();
  await move(rig, there);
  await using store = await openAt(there.url);
  expect((await store.findRun(running))?.progress).toMatchObject({ queued: 1, settled: { interrupted: 1 } });
  expect((await store.unopenedRuns()).map(({ id }) => id)).toEqual([unopened]);
  expect((await store.received.unanswered()).map(({ requestKey }) => requestKey)).toEqual(['asked']);
  expect((await store.findRun(held))?.held).toBe('the bot was away');
  expect(await store.lastBeat()).toMatchObject({ boot: 'a boot' });
  const there2 = (await claimAll(store, { leaseMs: 0 })).map(({ key }) => key);
  expect(due.filter((key) => !there2.includes(key))).toEqual([]);
  const done = (await drain(store)).map(({ host }) => host).toSorted();
  expect(done).toEqual(['db01', 'db02', 'db04']);
  expect((await store.findRun(waiting))?.state).toBe('finished');
  expect(await store.continueRun(paused, ANN)).toBe(2);
  expect((await drain(store)).map(({ host }) => host)).toEqual(['c2', 'c3']);
  const [doubt] = await there.query("select id from doubt where request_key = 'doubt'");
  expect(await store.doubts.take(String(doubt?.id), ANN)).toMatchObject({ text: '-h web01 -cmd "ls & ps"' });
  const run = await openRun(store, { hosts: 1 });
  expect(run.id).not.toBe(waiting);
  expect((await store.audit.verify()).faults).toEqual([]);
});

test('no bot starts on the file afterwards; it can be gone back to until one was started on the server', async () => {
  await using rig = await openFileRig();
  await using there = await openThere();
  await openRun(rig.store, { hosts: 2 });
  await move(rig, there);
  expect(await refused(rig.reopen())).toMatch(/was moved to postgres:\/\/.*migrate -- undo/);
  expect(await refused(move(rig, await openThere()))).toContain('does not hold it');
  await undoMove({ file: rig.path, url: there.url });
  expect(await refused(openAt(there.url))).toContain('was left again');
  expect(await refused(undoMove({ file: rig.path, url: there.url }))).toContain('was not moved anywhere');
  await rig.reopen();
  await openRun(rig.store, { hosts: ['later'] });
  // Once more, with what came meanwhile.
  await move(rig, there);
  {
    await using store = await openAt(there.url);
    expect((await drain(store)).map(({ host }) => host).toSorted()).toEqual(['later', 'web01', 'web02']);
  }
  expect(await refused(undoMove({ file: rig.path, url: there.url }))).toContain(
    'a bot was started there since',
  );
  // A copy in which nothing starts by itself is what is left then.
  const copy = `${rig.folder}/again.db`;
  expect((await backUp(`file:${rig.path}`, copy, Date.now)).held).toBe(3);
  await using again = await openAt(`file:${copy}`);
  expect(await drain(again)).toEqual([]);
});

test('a bot that was just starting on a server as that was closed to bots starts nothing there', async () => {
  await using there = await openThere();
  await (await openAt(there.url)).close();
  await there.query('begin');
  await there.query('select * from audit_head for update');
  await there.query(
    "create table batchops_closed (why text not null); insert into batchops_closed values ('moving')",
  );
  const starting = refused(openAt(there.url));
  const name = new URL(there.url).pathname.slice(1);
  const waits = `select 1 from pg_stat_activity where datname = '${name}' and wait_event_type = 'Lock'`;
  await vi.waitFor(
    async () => {
      // A transaction sees one moment of it otherwise.
      await there.query('select pg_stat_clear_snapshot()');
      expect(await there.query(waits)).toHaveLength(1);
    },
    { timeout: 9_000 },
  );
  await there.query('commit');
  expect(await starting).toContain('is being moved');
});

test('a file of release 0.1 is brought along in a copy, and stays as it was', async () => {
  await using rig = await openFileRig();
  await using there = await openThere();
  await becomeOld(rig);
  const before = rowsOf(rig.path);
  const said: string[] = [];
  const { faults } = await move(rig, there, said);
  expect(faults).toEqual([]);
  expect(said.join('\n')).toContain('of an older release (0002-boards)');
  expect(rowsOf(rig.path)).toEqual(before);
  expect(existsSync(`${rig.path}.moving`)).toBe(false);
  await using store = await openAt(there.url);
  expect((await store.findRun('r-a6gr'))?.progress).toMatchObject({ queued: 2, settled: { interrupted: 1 } });
  expect((await store.listFoldRows('r-zb0y')).map(({ host }) => host)).toHaveLength(12);
  expect((await store.audit.verify()).faults).toEqual([]);
});

test('a file that a bot uses, a newer one, a used server, and no file are refused, and nothing is changed', async () => {
  await using rig = await openFileRig();
  await using there = await openThere();
  const settings = { url: there.url, by: 'root', auditLines: 'nobody', now: Date.now, tell() {} } as const;
  const from = (file: string) => refused(moveToServer({ file, ...settings }));
  expect(await from(rig.path)).toContain('already in use by another Batchops');
  await openRun(rig.store);
  await rig.store.close();
  expect(await from(`${rig.folder}/none.db`)).toContain('there is no such file');
  const used = await openThere();
  await (await openAt(used.url)).close();
  expect(await refused(move(rig, used))).toMatch(/is not empty.*\n.*can be used as before/);
  await (await openAt(used.url)).close();
  rig.sql("insert into kysely_migration values ('9999-later', '')");
  expect(await from(rig.path)).toContain('newer Batchops');
  rig.sql("delete from kysely_migration where name = '9999-later'");
  expect(readFileSync(rig.path).length).toBeGreaterThan(0);
  await (await openAt(there.url)).close();
  await used[Symbol.asyncDispose]();
});

test('a trail that somebody was at is moved as it is, and said', async () => {
  await using rig = await openFileRig();
  await using there = await openThere();
  await openRun(rig.store, { hosts: 2 });
  await drain(rig.store);
  await rig.store.close();
  rig.sql('drop trigger audit_keeps_words');
  rig.sql("update audit set user_id = 'UEVE' where seq = 2");
  rig.sql("update job set kind = 'failed' where position = 0");
  const before = (await openAuditTrail(`file:${rig.path}`).verify()).faults;
  expect(before).toHaveLength(2);
  const said: string[] = [];
  const { faults } = await move(rig, there, said);
  expect(faults).toEqual(before);
  expect(said).toContain('fault: entry 2 was changed');
  expect((await openAuditTrail(there.url).verify()).faults).toEqual(before);
});

test.each([
  ["update job set started_at = 'yesterday' where position = 0", 'job, rows 1 to 3'],
  ["update run set channel_id = x'00ff'", 'run.channel_id'],
  ['create table theirs (id text)', 'theirs.id'],
])('what no server takes (%s) is named, and nothing is moved', async (statement, named) => {
  await using rig = await openFileRig();
  await using there = await openThere();
  await openRun(rig.store);
  await rig.store.close();
  rig.sql(statement);
  const said = await refused(move(rig, there));
  expect(said).toContain(named);
  expect(said).toContain('nothing was moved');
  // The file goes on, and so can the server.
  await (await openAt(there.url)).close();
  if (named !== 'run.channel_id') await rig.reopen();
});

test('a question about a command with a character that a server does not keep is closed, and it is said', async () => {
  await using rig = await openFileRig();
  await using there = await openThere();
  const of = { requester: ANN, channelId: 'COPS', command: '/batch_run', kind: 'late' } as const;
  await rig.store.doubts.put({ ...of, text: '-h web01 -cmd "a\0b"', requestKey: 'k1' });
  await rig.store.doubts.put({ ...of, text: '-h web01 -cmd "a\ufffdb"', requestKey: 'k2' });
  const said: string[] = [];
  await move(rig, there, said);
  expect(said.join('\n')).toContain('NUL characters in doubt.words');
  const rows = await there.query('select request_key, words, taken_at is null as open from doubt order by 1');
  expect(rows).toEqual([
    { request_key: 'k1', words: '', open: false },
    { request_key: 'k2', words: '-h web01 -cmd "a\ufffdb"', open: true },
  ]);
});
