import { type Kysely, sql } from 'kysely';
import { Migrator } from 'kysely/migration';
import { ConfigError } from '../../errors.ts';
import type { Log } from '../../ports/log.ts';
import type { Schema } from '../schema.ts';
import { copyBefore } from './copy-before.ts';
import { MIGRATIONS } from './migrations.ts';

/**
 * Brings the tables to this version's shape, behind a copy of what there was. A database from a later version is refused,
 * not guessed at.
 */
export async function migrate(db: Kysely<Schema>, path: string, log: Log): Promise<void> {
  const { rows: known } = await sql`select 1 from sqlite_schema where name = 'kysely_migration'`.execute(db);
  if (known.length > 0) {
    const names = await readMigrated(db, path);
    const last = names.at(-1);
    if (last !== undefined && names.length < Object.keys(MIGRATIONS).length) {
      await copyBefore(db, path, last, log);
    }
  }
  const migrator = new Migrator({ db, provider: { getMigrations: async () => ({ ...MIGRATIONS }) } });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
}

/** What was done to the tables, in order; a `ConfigError` where that was by a later version. */
async function readMigrated(db: Kysely<Schema>, path: string): Promise<readonly string[]> {
  const { rows } = await sql<{ name: string }>`select name from kysely_migration`.execute(db);
  const later = rows.find(({ name }) => !(name in MIGRATIONS));
  if (later !== undefined) {
    throw new ConfigError([
      `BATCHOPS_DATABASE_URL: ${path} was written by a newer Batchops (it has "${later.name}"); run that version, or name another file`,
    ]);
  }
  return rows.map(({ name }) => name).toSorted();
}

/** Whether the tables are as this version has them; a `ConfigError` where not. Changes nothing. */
export async function checkMigrated(db: Kysely<Schema>, path: string): Promise<void> {
  const names = await readMigrated(db, path);
  if (names.length === Object.keys(MIGRATIONS).length) return;
  throw new ConfigError([
    `BATCHOPS_DATABASE_URL: ${path} is as an older Batchops left it; start the bot once, it brings it along`,
  ]);
}
