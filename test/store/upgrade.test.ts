import { readdirSync, readFileSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { ConfigError } from '../../src/errors.ts';
import { approvedPlan, claimAll, drain, openRig, openRun, quiet, type StoreRig } from './rig.ts';

const OLD = readFileSync(new URL('../fixtures/release-0.1.sql', import.meta.url), 'utf8');

/** The runs of the fixture. */
const [SMALL, BIG, PUT, WAITING, OPENING] = ['r-0smg', 'r-zb0y', 'r-6yg8', 'r-a6gr', 'r-9bpx'] as const;

/** As release 0.1 left it, open. */
async function becomeOld(rig: StoreRig): Promise<DatabaseSync> {
  await rig.store.close();
  const old = new DatabaseSync(rig.path);
  for (const { name } of old.prepare("select name from sqlite_schema where type = 'table'").all()) {
    old.exec(`drop table if exists "${String(name)}"`);
  }
  old.exec('pragma journal_mode = delete; pragma auto_vacuum = none; vacuum');
  old.exec(`pragma foreign_keys = off; ${OLD}`);
  return old;
}

test('a database of an earlier release is brought along: what was owed is owed, what waits can start', async () => {
  await using rig = await openRig();
  const old = await becomeOld(rig);
  const before = old.prepare('select key, due_at from outbox where due_at is not null order by key').all();
  old.close();

  const store = await rig.reopen();
  const due = (await claimAll(store, { leaseMs: 0 })).map(({ key, sends }) => `${key} ${sends}`);
  for (const { key } of before) {
    const kind = String(key).split(':')[0] ?? '';
    const sends = { file: 'file', log: 'bulk' }[kind] ?? 'message';
    expect(due).toContain(`${String(key)} ${sends}`);
  }
  expect((await store.findRun(SMALL))?.state).toBe('finished');
  expect((await store.listFoldRows(BIG)).map(({ host }) => host)).toHaveLength(12);
  const copies = await store.listJobs(PUT);
  expect(copies.map(({ outcome }) => outcome?.file?.verified)).toEqual(['checksum', 'size']);
  // What a host said is left as it was.
  expect(copies[0]?.outcome?.reason).toBe('it said "verified":true, and so it is');
  expect((await store.findRun(WAITING))?.progress).toMatchObject({ queued: 2, settled: { interrupted: 1 } });
  await store.releaseRun(OPENING, '9.9');
  await drain(store);
  for (const runId of [WAITING, OPENING]) expect((await store.findRun(runId))?.state).toBe('finished');
  expect((await claimAll(store, { lane: 'edits', leaseMs: 0 })).map(({ key }) => key)).toContain(
    `root:${OPENING}`,
  );
  const { faults, notes } = await store.audit.verify();
  expect(faults).toEqual([]);
  // What had ended is covered as it was recorded; what ended since, as today.
  expect(notes).toEqual([
    'runs that ended before 0.2: 3; of these how each host ended is covered, not what it said, why, and when',
  ]);
  const forget = `set streams_json = replace(streams_json, substr(streams_json, 3, 1), '#')`;
  rig.sql(`update output ${forget} where job_id in (select id from job where run_id = '${SMALL}')`);
  expect((await store.audit.verify()).faults).toEqual([]);
  rig.sql(`update output ${forget} where job_id in (select id from job where run_id = '${WAITING}')`);
  rig.sql(`update result set exit_code = 9 where job_id in (select id from job where run_id = '${WAITING}')`);
  expect((await store.audit.verify()).faults.join()).toContain(`run ${WAITING}`);
  rig.sql(`update job set kind = 'failed' where run_id = '${SMALL}' and position = 0`);
  expect((await store.audit.verify()).faults.join()).toContain(`run ${SMALL}: the stored results`);
  // Its file can shrink from now on.
  expect(rig.sql('pragma auto_vacuum')).toEqual([{ auto_vacuum: 2 }]);
});

test('a plan that was changed where it is stored is known by its hash, also where the run waits', async () => {
  await using rig = await openRig();
  const { run } = await rig.store.createRun(approvedPlan({ hosts: 2 }), 'request');
  expect((await rig.store.findRun(run.id))?.plan).toBe(run.plan);
  expect(run.isTampered).toBeUndefined();
  rig.sql(`update run set plan_json = replace(plan_json, 'df -h', 'rm -rf')`);
  const store = await rig.reopen();
  expect(await store.findRun(run.id)).toMatchObject({ isTampered: true });
});

const copiesOf = (rig: StoreRig): readonly string[] =>
  readdirSync(rig.folder)
    .filter((name) => name.startsWith('batchops.db.at-'))
    .toSorted();

test('before its tables are changed a database is copied: as it was, its owner’s alone, and the newest two stay', async () => {
  await using rig = await openRig();
  expect(copiesOf(rig)).toEqual([]);
  const old = await becomeOld(rig);
  const runs = old.prepare('select id, plan_json, state from run order by id').all();
  old.close();
  for (const [name, at] of [
    ['0000-older', 1],
    ['0000-old', 2],
  ] as const) {
    writeFileSync(`${rig.path}.at-${name}`, '');
    utimesSync(`${rig.path}.at-${name}`, at, at);
  }
  const said: unknown[] = [];
  const rows = (): unknown => [
    rig.sql('select id, request_key, plan_hash, digest from run order by id'),
    rig.sql('select id, run_id, position, host from job order by id'),
    rig.sql('select * from output order by job_id'),
    rig.sql(`select * from audit where seq <= ${chain}`),
  ];
  const chain = Number(rig.sql('select seq from audit_head')[0]?.seq);
  const before = rows();
  await rig.reopen({ log: { ...quiet, info: (facts) => said.push(facts) } });
  expect(rows()).toEqual(before);
  const copy = `${rig.path}.at-0002-boards`;
  expect(copiesOf(rig)).toEqual(['batchops.db.at-0000-old', 'batchops.db.at-0002-boards']);
  expect(said).toContainEqual({ copy, removed: [`${rig.path}.at-0000-older`] });
  expect(statSync(copy).mode & 0o777).toBe(0o600);
  const kept = new DatabaseSync(copy, { readOnly: true });
  expect(kept.prepare('select id, plan_json, state from run order by id').all()).toEqual(runs);
  expect(kept.prepare('select name from kysely_migration').all()).toHaveLength(2);
  kept.close();
  // Nothing is changed at the next start, so nothing is copied.
  writeFileSync(copy, '');
  await rig.reopen();
  expect(statSync(copy).size).toBe(0);
});

test('a database that has to be changed is not where the disk has no room for a copy of it', async () => {
  await using rig = await openRig();
  (await becomeOld(rig)).close();
  // As large as no disk here; SQLite goes by what its header says.
  truncateSync(rig.path, 8 * 1024 ** 4);
  const refused = await rig.reopen().catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(ConfigError);
  expect(String(refused)).toContain('the disk has no room for a copy of it');
  expect(rig.sql('select name from kysely_migration')).toHaveLength(2);
  expect(copiesOf(rig)).toEqual([]);
});

test('what waits in a copy from before an upgrade is held where that release knows how', async () => {
  await using rig = await openRig();
  const { id } = await openRun(rig.store);
  await rig.store.close();
  const newest = rig.sql('select name from kysely_migration order by name desc')[0]?.name;
  rig.sql(`delete from kysely_migration where name = '${String(newest)}'`);
  // The change is there already, so it fails, and the start with it; the copy was made before.
  await expect(rig.reopen()).rejects.toThrow();
  const [copy = ''] = copiesOf(rig);
  const kept = new DatabaseSync(`${rig.folder}/${copy}`, { readOnly: true });
  expect(kept.prepare('select held from run where id = ?').get(id)?.held).toMatch(
    /copy from before an upgrade/,
  );
  kept.close();
  expect(rig.sql('select held from run')).toEqual([{ held: null }]);
});

test('in a copy from before an upgrade no question about a command is open: it may have been answered since', async () => {
  await using rig = await openRig();
  const of = { requester: { teamId: 'T1', userId: 'U1' }, channelId: 'C1' };
  const late = { ...of, kind: 'late', command: '/batch_run', text: '-h web01 -cmd "echo hunter2"' } as const;
  const id = (await rig.store.doubts.put({ ...late, requestKey: 'k1' })) ?? '';
  await rig.store.close();
  const newest = rig.sql('select name from kysely_migration order by name desc')[0]?.name;
  rig.sql(`delete from kysely_migration where name = '${String(newest)}'`);
  // The change is there already, so it fails, and the start with it; the copy was made before.
  await expect(rig.reopen()).rejects.toThrow();
  const copy = `${rig.folder}/${copiesOf(rig)[0] ?? ''}`;
  const kept = new DatabaseSync(copy, { readOnly: true });
  expect(kept.prepare('select id, words, taken_at is null as is_open from doubt').all()).toEqual([
    { id, words: '', is_open: 0 },
  ]);
  kept.close();
  expect(readFileSync(copy, 'latin1')).not.toContain('hunter2');
  expect(rig.sql('select words, taken_at from doubt')).toEqual([{ words: late.text, taken_at: null }]);
});
