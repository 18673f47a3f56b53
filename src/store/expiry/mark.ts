import type { Kysely } from 'kysely';
import { appendAudit, NOBODY } from '../audit.ts';
import type { Expired, Schema } from '../schema.ts';
import type { Ledger } from '../settle.ts';

/** So many runs are one entry of the audit. */
const RUNS_AT_ONCE = 50;

/**
 * The oldest runs of which this may go: ended, and with nothing that Slack is still to get. What was given up there
 * stands nowhere else, so what was said is kept until the run itself is too old.
 */
export async function findNext(
  db: Kysely<Schema>,
  what: Expired,
  { before, count = RUNS_AT_ONCE }: { readonly before?: number; readonly count?: number },
): Promise<readonly string[]> {
  let runs = db
    .selectFrom('run')
    .select('id')
    .where('finished_at', 'is not', null)
    .where(what === 'output' ? 'output_gone_at' : 'gone_at', 'is', null)
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

/** From now on it counts as gone: signed off in the audit, and found by `removeSome`. */
export async function markGone(ledger: Ledger, what: Expired, runIds: readonly string[]): Promise<void> {
  await ledger.db.transaction().execute(async (trx) => {
    const at = ledger.now();
    for (const id of runIds) {
      await trx
        .updateTable('run')
        .set((run) => ({
          output_gone_at: run.fn.coalesce('output_gone_at', run.lit(at)),
          // A request that comes now is another one.
          ...(what === 'run' && { gone_at: at, request_key: `gone:${id}` }),
        }))
        .where('id', '=', id)
        .execute();
      await trx
        .insertInto('expiring')
        .values({ run_id: id, what })
        .onConflict((row) => row.column('run_id').doUpdateSet({ what }))
        .execute();
    }
    const reason = `no longer kept: ${what === 'output' ? 'what hosts said in ' : ''}${runIds.join(', ')}`;
    await appendAudit(
      trx,
      {
        at,
        by: NOBODY,
        action: 'expired',
        runId: null,
        channelId: null,
        detail: { what, runs: runIds, reason },
      },
      ledger.auditLines,
    );
  });
}
