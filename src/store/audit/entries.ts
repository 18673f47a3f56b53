import type { Kysely } from 'kysely';
import { breathe } from '../../time/breathe.ts';
import type { AuditRow } from '../audit.ts';
import type { Schema } from '../schema.ts';

/** One of a run on 10,000 hosts is some 150 KB. */
const ENTRIES_AT_ONCE = 100;

/** Every entry in order, never many in memory. */
export async function* walkEntries(db: Kysely<Schema>): AsyncGenerator<AuditRow> {
  for (let after = Number.MIN_SAFE_INTEGER; ; ) {
    const rows = await db
      .selectFrom('audit')
      .selectAll()
      .where('seq', '>', after)
      .orderBy('seq')
      .limit(ENTRIES_AT_ONCE)
      .execute();
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined) return;
    after = last.seq;
    await breathe();
  }
}

/** A forged entry may hold anything: `verify` names it, reading it does not fail. */
export function parseDetail(json: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null ? { ...value } : { unreadable: json };
  } catch {
    return { unreadable: json };
  }
}
