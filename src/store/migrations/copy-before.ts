import { readdirSync, rmSync, statfsSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type Kysely, sql } from 'kysely';
import { ConfigError } from '../../errors.ts';
import type { Log } from '../../ports/log.ts';
import { copyDatabase } from '../embedded/copy.ts';
import { openCopy } from '../embedded/database.ts';
import type { Schema } from '../schema.ts';

/** Of the copies beside the database. */
const KEPT = 2;
const HELD = 'the database is a copy from before an upgrade: what waited then may have run since';

/**
 * Before the tables are changed, a copy as the release before can read it is put beside the database, named by the
 * last change that it has. A `ConfigError` where that cannot be: then nothing is changed.
 */
export async function copyBefore(
  db: Kysely<Schema>,
  path: string,
  lastChange: string,
  log: Log,
): Promise<void> {
  const copy = `${path}.at-${lastChange}`;
  const { size } = statSync(path);
  const { bavail, bsize } = statfsSync(dirname(path));
  if (bavail * bsize < size) {
    throw new ConfigError([
      `BATCHOPS_DATABASE_URL: ${path} has to be brought up to date, and the disk has no room for a copy of it before that ` +
        `(${size} bytes; ${bavail * bsize} are free). Its tables are as they were; make room, and start again`,
    ]);
  }
  // From a start that did not come further than this: the tables may have changed since in what they hold.
  rmSync(copy, { force: true });
  await copyDatabase(db, copy, holdWaiting);
  const removed = copiesBeside(path).slice(KEPT);
  for (const old of removed) rmSync(old, { force: true });
  log.info({ copy, removed }, 'the database is brought up to date; a copy of it as it was is kept');
}

/** The tables are those of another release: of them only these words are known, and whether they have them. */
async function holdWaiting(part: string): Promise<void> {
  const { db, close } = openCopy(part);
  const has = async (table: string, column: string): Promise<boolean> => {
    const found = sql`select 1 from pragma_table_info(${table}) where name = ${column}`;
    return (await found.execute(db)).rows.length > 0;
  };
  try {
    if (await has('run', 'held'))
      await sql`update run set held = ${HELD} where state = 'open' and held is null`.execute(db);
    // As in a backup: what was answered since has perhaps run.
    if (await has('doubt', 'taken_at'))
      await sql`update doubt set taken_at = put_at, words = '' where taken_at is null`.execute(db);
  } finally {
    await close();
  }
}

/** Newest first. */
function copiesBeside(path: string): readonly string[] {
  const start = `${basename(path)}.at-`;
  const names = readdirSync(dirname(path)).filter(
    (name) => name.startsWith(start) && !name.includes('.part-'),
  );
  const copies = names.map((name) => join(dirname(path), name));
  return copies
    .map((copy) => ({ copy, at: statSync(copy).mtimeMs }))
    .toSorted((a, b) => b.at - a.at)
    .map(({ copy }) => copy);
}
