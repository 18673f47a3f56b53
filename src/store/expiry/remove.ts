import { type Kysely, sql, type Transaction } from 'kysely';
import type { Retired, Schema } from '../schema.ts';

/** Rows of each table in one step: some milliseconds. */
export const ROWS_AT_ONCE = 100;
/** Of what hosts said, a step removes this much, or one row. */
const BYTES_AT_ONCE = 500_000;

export interface Progress {
  readonly runId: string;
  readonly what: Retired;
  /** Jobs before this one, in plan order, are done. */
  readonly position: number;
}

/** One step. Undefined: nothing of it is left. */
export function removeSome(db: Kysely<Schema>, progress: Progress): Promise<Progress | undefined> {
  const { runId, what, position } = progress;
  return db.transaction().execute(async (trx) => {
    const jobs = await trx
      .selectFrom('job')
      .leftJoin('output', 'output.job_id', 'job.id')
      .select(['job.id', 'position', sql<number>`coalesce(octet_length(streams_json), 0)`.as('bytes')])
      .where('run_id', '=', runId)
      .where('position', '>=', position)
      .orderBy('position')
      .limit(ROWS_AT_ONCE)
      .execute();
    let bytes = 0;
    const some = jobs.filter((job, n) => {
      bytes += job.bytes;
      return n === 0 || bytes <= BYTES_AT_ONCE;
    });
    const last = some.at(-1);
    if (last !== undefined) {
      const ids = some.map(({ id }) => id);
      await trx.deleteFrom('output').where('job_id', 'in', ids).execute();
      if (what === 'runs') {
        await trx.deleteFrom('result').where('job_id', 'in', ids).execute();
        await trx.deleteFrom('job').where('id', 'in', ids).execute();
      }
      return { ...progress, position: last.position + 1 };
    }
    if (await removeRows(trx, progress)) return progress;
    if (what === 'runs') {
      await trx.deleteFrom('rollout').where('run_id', '=', runId).execute();
      await trx.updateTable('run').set({ plan_json: '' }).where('id', '=', runId).execute();
    }
    await trx.deleteFrom('expiring').where('run_id', '=', runId).execute();
    return undefined;
  });
}

/** Rows of its thread that Slack has; of a run that is gone, also those that were given up. True: there may be more. */
async function removeRows(trx: Transaction<Schema>, { runId, what }: Progress): Promise<boolean> {
  let removed = 0;
  for (const kind of ['root', 'canary', 'board', 'reply', 'file', 'log']) {
    const key = `${kind}:${runId}`;
    let rows = trx
      .selectFrom('outbox')
      .select('key')
      // `;` comes right behind `:`.
      .where((row) =>
        row.or([row('key', '=', key), row.and([row('key', '>', `${key}:`), row('key', '<', `${key};`)])]),
      )
      .where('due_at', 'is', null)
      .limit(ROWS_AT_ONCE);
    if (what === 'output') rows = rows.where('given_up_at', 'is', null);
    const { numDeletedRows } = await trx
      .deleteFrom('outbox')
      .where('key', 'in', rows)
      .executeTakeFirstOrThrow();
    removed += Number(numDeletedRows);
  }
  return removed > 0;
}

/**
 * Rows of audit lines that the channel has had for long enough. Looks at the next few behind `after`, and answers
 * with the last of them; undefined at the end.
 */
export async function removeSentLines(
  db: Kysely<Schema>,
  after: string,
  before: number,
): Promise<string | undefined> {
  const rows = await db
    .selectFrom('outbox')
    .select('key')
    .where('key', '>', after === '' ? 'audit:' : after)
    .where('key', '<', 'audit;')
    .where('due_at', 'is', null)
    .where('given_up_at', 'is', null)
    .orderBy('key')
    .limit(ROWS_AT_ONCE)
    .execute();
  const last = rows.at(-1);
  if (last === undefined) return undefined;
  const entries = await db
    .selectFrom('audit')
    .select('seq')
    .where(
      'seq',
      'in',
      rows.map(({ key }) => Number(key.slice('audit:'.length))),
    )
    .where('at', '<', before)
    .execute();
  if (entries.length > 0) {
    await db
      .deleteFrom('outbox')
      .where(
        'key',
        'in',
        entries.map(({ seq }) => `audit:${seq}`),
      )
      .where('due_at', 'is', null)
      .execute();
  }
  return last.key;
}
