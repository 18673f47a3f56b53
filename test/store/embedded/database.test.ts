import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { openFile } from '../../../src/store/embedded/database.ts';

test('a full disk is called by its name, and what was begun is undone', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'batchops-full-'));
  const { db, close } = openFile(join(folder, 'a.db'));
  try {
    await sql`create table t (x text)`.execute(db);
    await sql`pragma max_page_count = 8`.execute(db);
    const write = db.transaction().execute(async (trx) => {
      await sql`insert into t values ('first')`.execute(trx);
      await sql`insert into t values (${'x'.repeat(100_000)})`.execute(trx);
    });
    await expect(write).rejects.toThrow('database or disk is full');
    expect((await sql`select * from t`.execute(db)).rows).toEqual([]);

    await db.transaction().execute((trx) => sql`insert into t values ('second')`.execute(trx));
    expect((await sql`select * from t`.execute(db)).rows).toEqual([{ x: 'second' }]);
  } finally {
    await close();
    await rm(folder, { recursive: true });
  }
});

test('a transaction that reads before it writes cannot fail for what another process wrote in between', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'batchops-between-'));
  const path = join(folder, 'a.db');
  const { db, close } = openFile(path);
  const other = new DatabaseSync(path, { timeout: 0 });
  try {
    await sql`create table t (x text)`.execute(db);
    await db.transaction().execute(async (trx) => {
      await sql`select * from t`.execute(trx);
      // It waits for its turn, or is told to.
      expect(() => other.exec("insert into t values ('theirs')")).toThrow('database is locked');
      await sql`insert into t values ('ours')`.execute(trx);
    });
    other.exec("insert into t values ('theirs')");
    expect((await sql`select * from t`.execute(db)).rows).toEqual([{ x: 'ours' }, { x: 'theirs' }]);
  } finally {
    other.close();
    await close();
    await rm(folder, { recursive: true });
  }
});
