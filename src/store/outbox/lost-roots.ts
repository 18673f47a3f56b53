import { type Kysely, sql } from 'kysely';
import { formatKey } from '../../thread/row.ts';
import type { Schema } from '../schema.ts';

/** So often a message is posted anew: somebody may delete all that we post. */
export const MAX_LOST = 2;

/**
 * The root message under `ts` is gone: it is posted anew, and its boards with it. `known`: somebody was here before, for
 * another row.
 */
export async function unroot(
  db: Kysely<Schema>,
  runId: string,
  ts: string | null,
  wallNow: number,
): Promise<'taken-out' | 'known' | 'too-often'> {
  return await db.transaction().execute(async (trx) => {
    const run = await trx
      .selectFrom('run')
      .select(['root_ts', 'root_lost'])
      .where('id', '=', runId)
      .executeTakeFirst();
    if (run === undefined || run.root_ts !== ts) return 'known';
    if (run.root_lost >= MAX_LOST) return 'too-often';
    await trx
      .updateTable('run')
      .set((column) => ({ root_ts: null, root_lost: sql`${column.ref('root_lost')} + 1` }))
      .where('id', '=', runId)
      .execute();
    await trx
      .updateTable('outbox')
      .set({ ts: null, due_at: wallNow, lease_until: 0, given_up_at: null, version: sql`version + 1` })
      // A board is edited as long as the run goes on: it is to be read under the new one.
      .where((of) =>
        of.or([
          of('key', '=', formatKey({ kind: 'root', runId })),
          of.and([of('turn', '=', runId), of('key', 'like', 'board:%'), of('ts', 'is not', null)]),
        ]),
      )
      .execute();
    return 'taken-out';
  });
}

/** Where the root message was posted anew, what is due goes below it. False where it was not. */
export async function moveUnder(db: Kysely<Schema>, runId: string, ts: string): Promise<boolean> {
  return await db.transaction().execute(async (trx) => {
    const moved = await trx
      .updateTable('run')
      .set({ root_ts: ts })
      .where('id', '=', runId)
      .where('root_ts', 'is', null)
      .where('root_lost', '>', 0)
      .executeTakeFirst();
    if (moved.numUpdatedRows === 0n) return false;
    await trx.updateTable('outbox').set({ lease_until: 0 }).where('turn', '=', runId).execute();
    return true;
  });
}
