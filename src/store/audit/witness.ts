import type { Kysely } from 'kysely';
import type { Schema } from '../schema.ts';
import type { Cover } from './digest.ts';
import { parseDetail } from './entries.ts';

/** What a run's entries say of it. */
export interface Witness {
  /** Of the plan as the newest entry that speaks of it knows it; undefined where none does. */
  readonly planHash?: string;
  /** From `accepted`; not of runs of before 0.2. */
  readonly number?: number;
  readonly jobs?: number;
  /** Of the end; undefined where it has not ended. */
  readonly end?: { readonly digest: string; readonly cover: Cover };
}

export async function findWitnesses(
  db: Kysely<Schema>,
  runIds: readonly string[],
): Promise<ReadonlyMap<string, Witness>> {
  const rows = await db
    .selectFrom('audit')
    .select(['run_id', 'action', 'detail_json'])
    .where('run_id', 'in', runIds)
    .orderBy('seq')
    .execute();
  const witnesses = new Map<string, Witness>();
  for (const { run_id, action, detail_json } of rows) {
    if (run_id === null) continue;
    const { planHash, number, count, digest, covers } = parseDetail(detail_json);
    witnesses.set(run_id, {
      ...witnesses.get(run_id),
      ...(typeof planHash === 'string' && { planHash }),
      ...(action === 'accepted' && typeof number === 'number' && { number }),
      ...(action === 'accepted' && typeof count === 'number' && { jobs: count }),
      // One that came late takes the place of what was recorded at the end.
      ...((action === 'settled' || action === 'refused' || action === 'late') &&
        typeof digest === 'string' && {
          end: { digest, cover: covers === 'outputs' ? ('outputs' as const) : ('outcomes' as const) },
        }),
    });
  }
  return witnesses;
}
