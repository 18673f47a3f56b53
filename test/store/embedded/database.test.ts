import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
