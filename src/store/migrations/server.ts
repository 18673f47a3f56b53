import { type Kysely, sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import { ConfigError } from '../../errors.ts';
import { createBaseline } from '../postgres/baseline.ts';
import { refuseClosed } from '../postgres/closed.ts';
import type { Schema } from '../schema.ts';
import { MIGRATIONS } from './migrations.ts';

/** On a server the tables begin as they are in a file after this one; what comes later is the same on both, but for what only several processes need. */
const BASELINE = '0032-uploads';

const ON_SERVER: Readonly<Record<string, Migration>> = {
  [BASELINE]: { up: createBaseline },
  ...Object.fromEntries(Object.entries(MIGRATIONS).filter(([name]) => name > BASELINE)),
  '0036-kept-lanes': { up: addKeptLanes },
  '0037-roles': { up: addRoles },
};

/** Processes do parts of the work, and ask each other. */
async function addRoles(db: Kysely<unknown>): Promise<void> {
  await sql`alter table replica add column role text not null default 'starting'`.execute(db);
  await sql`create table errand (
    id text primary key,
    role text not null,
    replica text,
    what text not null,
    words text not null,
    put_at bigint not null,
    taken_by text,
    answer text)`.execute(db);
  await sql`create index errand_waits on errand (put_at) where taken_by is null`.execute(db);
}

/** A host stays taken for a while after its command was called `interrupted`. */
async function addKeptLanes(db: Kysely<unknown>): Promise<void> {
  await sql`alter table job add column kept_until bigint`.execute(db);
  await sql`create index job_kept on job (kept_until) where kept_until is not null`.execute(db);
}

/** Brings the tables of a bot to this version's shape. Of several processes that start at once one does it, the others wait. */
export async function migrateServer(db: Kysely<Schema>, name: string): Promise<void> {
  await refuseClosed(db, name);
  await migrateTables(db, name);
}

/** The same where no bot may start yet. */
export async function migrateTables(db: Kysely<Schema>, name: string): Promise<void> {
  const { rows } = await sql<{
    table: string | null;
  }>`select to_regclass('kysely_migration')::text as "table"`.execute(db);
  if (rows[0]?.table != null) {
    const done = await sql<{ name: string }>`select name from kysely_migration`.execute(db);
    const later = done.rows.find((row) => !(row.name in ON_SERVER));
    if (later !== undefined) {
      throw new ConfigError([
        `BATCHOPS_DATABASE_URL: ${name} was written by a newer Batchops (it has "${later.name}"); run that version, or name another database`,
      ]);
    }
  } else {
    const taken = await sql`select 1 from pg_class where relname in ('run', 'job', 'audit') and relkind = 'r'
      and relnamespace = current_schema()::regnamespace`.execute(db);
    if (taken.rows.length > 0) {
      throw new ConfigError([
        `BATCHOPS_DATABASE_URL: ${name} belongs to another program: it has tables of our names that are not ours; name another database`,
      ]);
    }
  }
  const migrator = new Migrator({ db, provider: { getMigrations: async () => ({ ...ON_SERVER }) } });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
}
