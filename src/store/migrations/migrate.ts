import { type Kysely, sql } from 'kysely';
import { Migrator } from 'kysely/migration';
import { ConfigError } from '../../errors.ts';
import type { Log } from '../../ports/log.ts';
import type { Schema } from '../schema.ts';
import { copyBefore } from './copy-before.ts';
import { MIGRATIONS } from './migrations.ts';
import { listChanges, refuseMoved } from './moved.ts';

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
  await migrateCopy(db);
}

/** The same for a copy that nobody else knows of. */
export async function migrateCopy(db: Kysely<Schema>): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => ({ ...MIGRATIONS }) } });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
}

/** Whether tables with these changes are as this version has them; a `ConfigError` where a later version changed them. */
export function isCurrent(path: string, changes: readonly string[]): boolean {
  const later = changes.find((name) => !(name in MIGRATIONS));
  if (later !== undefined) {
    throw new ConfigError([
      `BATCHOPS_DATABASE_URL: ${path} was written by a newer Batchops (it has "${later}"); run that version, or name another file`,
    ]);
  }
  return changes.length === Object.keys(MIGRATIONS).length;
}

/** What was done to the tables, in order; a `ConfigError` where that was by a later version, or they were moved. */
async function readMigrated(db: Kysely<Schema>, path: string): Promise<readonly string[]> {
  const changes = await listChanges(db);
  refuseMoved(path, changes);
  isCurrent(path, changes);
  return changes;
}

/** Whether the tables are as this version has them; a `ConfigError` where not. Changes nothing. */
export async function checkMigrated(db: Kysely<Schema>, path: string): Promise<void> {
  if (isCurrent(path, await readMigrated(db, path))) return;
  throw new ConfigError([
    `BATCHOPS_DATABASE_URL: ${path} is as an older Batchops left it; start the bot once, it brings it along`,
  ]);
}
