import { readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { approvedPlan, claimAll, drain, openRig } from './rig.ts';

const OLD = readFileSync(new URL('../fixtures/release-0.1.sql', import.meta.url), 'utf8');

/** The runs of the fixture. */
const [SMALL, BIG, PUT, WAITING, OPENING] = ['r-0smg', 'r-zb0y', 'r-6yg8', 'r-a6gr', 'r-9bpx'] as const;

test('a database of an earlier release is brought along: what was owed is owed, what waits can start', async () => {
  await using rig = await openRig();
  await rig.store.close();
  const old = new DatabaseSync(rig.path);
  for (const { name } of old.prepare("select name from sqlite_schema where type = 'table'").all()) {
    old.exec(`drop table if exists "${String(name)}"`);
  }
  old.exec('pragma journal_mode = delete; pragma auto_vacuum = none; vacuum');
  old.exec(`pragma foreign_keys = off; ${OLD}`);
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
