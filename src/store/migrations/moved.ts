import { type Kysely, sql } from 'kysely';
import { ConfigError } from '../../errors.ts';
import type { Schema } from '../schema.ts';

/** Where releases look for changes of the tables that they do not know: those of before know none of moves, and stop. */
const MARK = 'moved to ';

/** Where the tables of a file were moved to, by the changes that it has. */
export function findMove(changes: readonly string[]): string | undefined {
  return changes.find((name) => name.startsWith(MARK))?.slice(MARK.length);
}

/** What waits in it may have run elsewhere since. */
export function refuseMoved(path: string, changes: readonly string[]): void {
  const to = findMove(changes);
  if (to === undefined) return;
  throw new ConfigError([
    `BATCHOPS_DATABASE_URL: ${path} was moved to ${to}: name that. As long as no bot was started there, ` +
      `npm run migrate -- undo ${path} goes back to the file; after that, npm run backup makes a copy of it in which nothing that waited starts by itself`,
  ]);
}

export async function listChanges(db: Kysely<Schema>): Promise<readonly string[]> {
  const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db);
  return rows.map(({ name }) => name);
}

export async function markMoved(db: Kysely<Schema>, to: string, now: () => number): Promise<void> {
  const at = new Date(now()).toISOString();
  await sql`insert into kysely_migration (name, timestamp) values (${MARK + to}, ${at})`.execute(db);
}

export async function forgetMove(db: Kysely<Schema>): Promise<void> {
  await sql`delete from kysely_migration where name like ${`${MARK}%`}`.execute(db);
}
