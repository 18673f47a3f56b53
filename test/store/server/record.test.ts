import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { openAuditTrail } from '../../../src/store/audit/trail.ts';
import { backUp } from '../../../src/store/backup.ts';
import { openStore } from '../../../src/store/open.ts';
import { ANN, drain, openRig, openRun, quiet } from '../rig.ts';

test.each(['update audit set at = 0', 'delete from audit', 'truncate audit'])(
  'refuses "%s"',
  async (statement) => {
    await using rig = await openRig();
    await openRun(rig.store);
    await expect(rig.query(statement)).rejects.toThrow('audit entries cannot be changed or deleted');
  },
);

test('an edited entry, a removed run and another output are found', async () => {
  await using rig = await openRig();
  await openRun(rig.store, { hosts: 2 });
  await drain(rig.store);
  const trail = openAuditTrail(rig.url);
  expect((await trail.verify()).faults).toEqual([]);
  await rig.query('alter table audit disable trigger all');
  await rig.query("update audit set user_id = 'UEVE' where seq = 2");
  await rig.query("update job set kind = 'failed' where position = 0");
  const { faults } = await trail.verify();
  expect(faults).toContainEqual('entry 2 was changed');
  expect(faults.some((fault) => fault.includes('the stored results are not those that were recorded'))).toBe(
    true,
  );
});

test('whatever the language of the database, text is in the order of its bytes', async () => {
  await using rig = await openRig();
  const { rows = 0 } = (
    await rig.query(
      `select count(*)::int as rows from information_schema.columns
      where table_schema = 'public' and table_name in ('run', 'job', 'outbox') and column_name in ('id', 'key', 'turn', 'request_key', 'run_id')
      and collation_name is distinct from 'C'`,
    )
  )[0] as { rows?: number };
  expect(rows).toBe(0);
});

test('a path longer than an index takes is noted, and found again', async () => {
  await using rig = await openRig();
  const run = await openRun(rig.store, { hosts: ['web01'] });
  const path = `/${Array.from({ length: 4_000 }, (_, n) => (n * 7_919).toString(36)).join('/')}`.slice(
    0,
    4_095,
  );
  const leftover = { host: 'web01', path, runId: run.id, belongsAt: null };
  await rig.store.leftovers.note(leftover);
  await rig.store.leftovers.note(leftover);
  expect(await rig.store.leftovers.list('web01', run.id)).toEqual([leftover]);
  const origin = { kind: 'fetched', host: 'web01', path, by: ANN.userId } as const;
  await rig.store.origins.claim(path, origin);
  expect(await rig.store.origins.list(path)).toEqual([origin]);
});

test('a backup of a server is told to be made with its own tool', async () => {
  await expect(backUp('postgres://bob:hunter2@127.0.0.1/x', 'copy.db', Date.now)).rejects.toThrow('pg_dump');
});

test('a server has the tables and columns that a file has', async () => {
  await using rig = await openRig();
  const folder = mkdtempSync(join(tmpdir(), 'batchops-file-'));
  const path = join(folder, 'batchops.db');
  const store = await openStore({
    url: `file:${path}`,
    hostConcurrency: 1,
    auditChannel: undefined,
    mask: (text) => text,
    log: quiet,
  });
  await store.close();
  const file = new DatabaseSync(path);
  const ofFile = file
    .prepare(
      "select m.name || '.' || c.name as name from sqlite_schema m, pragma_table_info(m.name) c where m.type = 'table' and m.name not like 'kysely%'",
    )
    .all();
  file.close();
  rmSync(folder, { recursive: true });
  const ofServer = await rig.query(
    "select table_name || '.' || column_name as name from information_schema.columns where table_schema = 'public'",
  );
  const there = new Set(ofServer.map(({ name }) => name));
  expect(ofFile.map(({ name }) => name).filter((name) => !there.has(name))).toEqual([]);
});
