import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CompiledQuery } from 'kysely';
import { expect, test } from 'vitest';
import { openFile } from '../../src/store/embedded/database.ts';
import { markRunning } from '../../src/store/jobs/start-guard.ts';
import { migrateCopy } from '../../src/store/migrations/migrate.ts';

test('the start guard finds the jobs and their runs by their ids: it reads neither all that waits nor all runs there ever were', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'batchops-guard-'));
  const { db, close } = openFile(join(folder, 'a.db'));
  try {
    await migrateCopy(db);
    const { sql, parameters } = markRunning(db, ['j1', 'j2', 'j3'], 1).compile();
    const { rows } = await db.executeQuery<{ detail: string }>(
      CompiledQuery.raw(`explain query plan ${sql}`, [...parameters]),
    );
    const steps = rows.map(({ detail }) => detail);
    expect(steps).toContainEqual(expect.stringMatching(/^SEARCH job USING INDEX \w+ \(id=\?\)$/));
    expect(steps).toContainEqual(expect.stringMatching(/^SEARCH run USING INDEX \w+ \(id=\?\)$/));
    expect(steps.filter((step) => step.startsWith('SCAN'))).toEqual([]);
  } finally {
    await close();
    await rm(folder, { recursive: true });
  }
});
