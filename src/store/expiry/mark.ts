import type { Kysely, Transaction } from 'kysely';
import { recordRetired } from '../audit/retired.ts';
import type { Retired, Schema } from '../schema.ts';
import type { Ledger } from '../settle.ts';

/** So many runs are one step, and one entry of the audit: all that is left of each is read once more. */
const RUNS_AT_ONCE = 3;

/**
 * The oldest runs of which this may go: ended, and with nothing that Slack is still to get. What was given up there
 * stands nowhere else, so what was said is kept until the run itself is too old.
 */
export async function findNext(
  db: Kysely<Schema>,
  what: Retired,
  { before, count = RUNS_AT_ONCE }: { readonly before?: number; readonly count?: number },
): Promise<readonly string[]> {
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
    )
    .orderBy('finished_at')
    .orderBy('id')
    .limit(count);
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
  return (await runs.execute()).map(({ id }) => id);
}

/**
 * From now on it counts as gone, and is found by `removeSome`: signed off in the audit while all of it is still there.
 * `reason` is a clause for people.
 */
export async function markGone(
  ledger: Ledger,
  what: Retired,
  runIds: readonly string[],
  reason: string,
): Promise<void> {
  await ledger.db.transaction().execute(async (trx) => {
    await recordRetired(ledger, trx, what, runIds, reason);
    for (const id of runIds) {
      if (what === 'runs') await leaveStub(ledger, trx, id);
      await trx
        .insertInto('expiring')
        .values({ run_id: id, what })
        .onConflict((row) => row.column('run_id').doUpdateSet({ what }))
        .execute();
    }
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
