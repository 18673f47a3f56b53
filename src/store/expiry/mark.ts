import type { Kysely, Transaction } from 'kysely';
import { examineRuns, recordRetired } from '../audit/retired.ts';
import type { Ledger } from '../jobs/settle.ts';
import type { Retired, Schema } from '../schema.ts';

/** So many runs are one step, and one entry of the audit: all that is left of each is read once more. */
const RUNS_AT_ONCE = 3;

/** Of which runs something may go. */
interface Which {
  /** Ended before then; where left out, room is needed, and whatever is old enough. */
  readonly before?: number;
  readonly count?: number;
}

/** The oldest runs of which this may go. */
export async function findNext(
  db: Kysely<Schema>,
  what: Retired,
  { before, count = RUNS_AT_ONCE }: Which,
): Promise<readonly string[]> {
  const runs = await freeRuns(db, what, before).orderBy('finished_at').orderBy('id').limit(count).execute();
  return runs.map(({ id }) => id);
}

/**
 * Ended, and with nothing that Slack is still to get. What was given up there stands nowhere else, so what was said is
 * kept until the run itself is too old.
 */
function freeRuns(db: Kysely<Schema>, what: Retired, before: number | undefined) {
  let runs = db
    .selectFrom('run')
    .select('id')
    .where('finished_at', 'is not', null)
    .where(what === 'output' ? 'output_retired_at' : 'gone_at', 'is', null)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('outbox').select('key').whereRef('turn', '=', 'run.id').where('due_at', 'is not', null),
        ),
      ),
    );
  if (before !== undefined) runs = runs.where('finished_at', '<', before);
  if (what === 'output' || before === undefined) {
    runs = runs.where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('outbox')
            .select('key')
            .whereRef('turn', '=', 'run.id')
            .where('given_up_at', 'is not', null),
        ),
      ),
    );
  }
  return runs;
}

/**
 * From now on it counts as gone, and is found by `removeSome`: signed off in the audit while all of it is still there.
 * Tells of which runs: one of which somebody has asked for something since it was found (its log, what had been given
 * up) is left alone. `reason` is a clause for people.
 */
export async function markGone(
  ledger: Ledger,
  what: Retired,
  runIds: readonly string[],
  { before, reason }: { readonly before?: number | undefined; readonly reason: string },
): Promise<readonly string[]> {
  const examined = await examineRuns(ledger.db, runIds);
  return await ledger.db.transaction().execute(async (trx) => {
    const free = await freeRuns(trx, what, before).where('id', 'in', runIds).execute();
    const ids = free.map(({ id }) => id);
    const going = examined.filter(({ id }) => ids.includes(id));
    await recordRetired(ledger, trx, what, going, reason);
    for (const { id } of going) {
      if (what === 'runs') await leaveStub(ledger, trx, id);
      await trx
        .insertInto('expiring')
        .values({ run_id: id, what })
        .onConflict((row) => row.column('run_id').doUpdateSet({ what }))
        .execute();
    }
    return ids;
  });
}

/** That there was such a run, for whoever asks; its number and hashes, for the audit. */
async function leaveStub({ now }: Ledger, trx: Transaction<Schema>, id: string): Promise<void> {
  const at = now();
  await trx
    .updateTable('run')
    .set((run) => ({
      output_retired_at: run.fn.coalesce('output_retired_at', run.lit(at)),
      gone_at: at,
      // A request that comes now is another one.
      request_key: `gone:${id}`,
    }))
    .where('id', '=', id)
    .execute();
}
