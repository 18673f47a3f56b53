import { sql } from 'kysely';
import type { OwnDatabase } from './database.ts';

/** What is free in the file is used again; only beyond so many pages, and so large a part, it is given back. */
const KEPT_PAGES = 1_000;
const KEPT_PART = 0.05;
/** A step of giving back moves so many pages at most. */
const PAGES_AT_ONCE = 100;

/** One step of a few milliseconds. False: little enough is free. */
export async function giveBack(database: OwnDatabase): Promise<boolean> {
  if (!database.isShrinkable) return false;
  const { rows } = await sql<{
    pages: number;
    free: number;
  }>`select page_count as pages, freelist_count as free
    from pragma_page_count, pragma_freelist_count`.execute(database.db);
  const { pages = 0, free = 0 } = rows[0] ?? {};
  if (free <= Math.max(KEPT_PAGES, pages * KEPT_PART)) return false;
  await database.giveBack(PAGES_AT_ONCE);
  return true;
}
