import { type Kysely, sql } from 'kysely';
import { ConfigError } from '../../errors.ts';
import type { Schema } from '../schema.ts';

/** `moving`: what a file has is being brought here. `left`: the file has it again. */
export type Closed = 'moving' | 'left';

/** Why no bot may start here, for as long as a file may have the same work to do. */
export async function findClosed(db: Kysely<Schema>): Promise<Closed | undefined> {
  const { rows: tables } = await sql<{
    found: string | null;
  }>`select to_regclass('batchops_closed')::text as found`.execute(db);
  if (tables[0]?.found == null) return undefined;
  const { rows } = await sql<{ why: Closed }>`select why from batchops_closed`.execute(db);
  return rows[0]?.why ?? 'moving';
}

/** In a transaction that has the audit's head, so that no bot begins between a look and this. */
export async function closeServer(db: Kysely<Schema>, why: Closed): Promise<void> {
  await sql`create table if not exists batchops_closed (why text not null)`.execute(db);
  await sql`delete from batchops_closed`.execute(db);
  await sql`insert into batchops_closed (why) values (${why})`.execute(db);
}

export async function openClosed(db: Kysely<Schema>): Promise<void> {
  await sql`drop table if exists batchops_closed`.execute(db);
}

export async function refuseClosed(db: Kysely<Schema>, name: string): Promise<void> {
  const why = await findClosed(db);
  if (why === undefined) return;
  throw new ConfigError([
    why === 'moving'
      ? `BATCHOPS_DATABASE_URL: a file is being moved to ${name}, or that was broken off: run npm run migrate -- sqlite-to-postgres once more, it goes on`
      : `BATCHOPS_DATABASE_URL: ${name} was left again for the file that was moved there (npm run migrate -- undo): name the file, or move it once more`,
  ]);
}
