import { type Kysely, sql, type Transaction } from 'kysely';
import { formatKey, type OutboxClaim, type OutboxRow } from '../../thread/row.ts';
import type { Schema } from '../schema.ts';
import { type Clocks, dueRows, isOfChannel } from './due-rows.ts';
import type { Posting } from './posting.ts';

/** Whose turn refusals and reads are: people can bring them about in any number. */
export const LAST = 'refused';

interface Claimant {
  readonly auditChannel: string | undefined;
  readonly clocks: Clocks;
  readonly posting: Posting | undefined;
}

/**
 * Runs (and the audit lines) take turns: first the oldest due row of each, then the second of each, and so on.
 * Lines of refusals and reads come last, however long they have waited.
 */
export function claimRows(
  db: Kysely<Schema>,
  query: OutboxClaim,
  by: Claimant,
): Promise<readonly OutboxRow[]> {
  return db.connection().execute(async (connection) => {
    // Mostly nothing is due: no reason to begin what writes, and to wait for whoever else does.
    const some = await claimable(connection, query, by).select('key').limit(1).executeTakeFirst();
    if (some === undefined) return [];
    return await connection.transaction().execute((trx) => claimDue(trx, query, by));
  });
}

function claimable(db: Kysely<Schema>, { except, lane, now }: OutboxClaim, by: Claimant) {
  return dueRows(db, by, { except, lane }, now);
}

async function claimDue(
  trx: Transaction<Schema>,
  query: OutboxClaim,
  by: Claimant,
): Promise<readonly OutboxRow[]> {
  const { limit, now, leaseMs, joins, channel } = query;
  let due = claimable(trx, query, by);
  if (joins !== undefined) due = due.where('joins', '=', joins);
  if (channel !== undefined) due = due.where((row) => isOfChannel(row, channel, by.auditChannel));
  if (by.posting !== undefined) due = await by.posting.narrow(trx, due);
  // In the order of the index `outbox_due`: however many are due, they are not sorted.
  const inRounds = due.select(['key', 'turn', 'due_at']).select(({ fn }) =>
    fn
      .agg<number>('row_number')
      .over((rows) => rows.partitionBy('turn').orderBy('due_at').orderBy('position').orderBy('key', 'desc'))
      .as('round'),
  );
  const rows = await trx
    .selectFrom(inRounds.as('due'))
    .innerJoin('outbox', 'outbox.key', 'due.key')
    .leftJoin('run', 'run.id', 'outbox.run_id')
    .selectAll('outbox')
    .select('run.root_ts')
    .where('due.round', '<=', limit)
    .orderBy(({ eb }) => eb('due.turn', '=', LAST))
    .orderBy('due.round')
    .orderBy('due.due_at')
    .orderBy('due.turn')
    .limit(limit)
    .execute();
  if (rows.length === 0) return [];
  await trx
    .updateTable('outbox')
    .set({ lease_until: Math.ceil(now + leaseMs), attempts: sql`attempts + 1` })
    .where(
      'key',
      'in',
      rows.map(({ key }) => key),
    )
    .execute();
  return rows.flatMap((row) => {
    const channelId = row.channel_id ?? by.auditChannel;
    if (channelId === undefined) return [];
    const { key, sends, position, joins, ts, attempts, tries, faults, version } = row;
    const uploadId = row.upload_id;
    const onlyIfStands = row.only_if_stands === 1;
    // Its thread's root message is being posted anew: it comes back once that stands.
    const isInThread = row.channel_id !== null && row.run_id !== null && !isRootOf(row.key, row.run_id);
    if (isInThread && row.root_ts === null && !onlyIfStands) return [];
    // The thread stands under the run's root message, which is itself in none; an audit line is in none either.
    const threadTs = row.channel_id === null || ts === row.root_ts ? null : row.root_ts;
    const counts = { attempts, tries, faults, version };
    return [{ key, sends, channelId, threadTs, position, joins, ts, uploadId, onlyIfStands, ...counts }];
  });
}

function isRootOf(key: string, runId: string): boolean {
  return key === formatKey({ kind: 'root', runId });
}
