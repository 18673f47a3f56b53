import { sql, type Transaction } from 'kysely';
import type { OwedRow } from '../thread/layout.ts';
import { inChunks } from './records.ts';
import type { Schema } from './schema.ts';

/** Whose rows these are. */
export interface OwedBy {
  /** Rows of one value take turns with the others. */
  readonly turn: string;
  readonly runId: string | null;
  /** Null for the audit channel, which is a setting. */
  readonly channelId: string | null;
  /** Nothing goes into a thread that does not stand yet. */
  readonly isOpen: boolean;
}

/**
 * The one way by which a message comes to be owed. A new row is due at its time, or once its thread stands. A
 * message that is there already is behind, unless it was given up or may be shared; a file is there once and for all, and only
 * one that was given up is due again.
 */
export async function oweRows(
  trx: Transaction<Schema>,
  { turn, runId, channelId, isOpen }: OwedBy,
  rows: readonly OwedRow[],
): Promise<void> {
  const groups = Map.groupBy(rows, ({ sends, editBy }) => (sends === 'message' ? editBy : sends));
  for (const chunk of [...groups.values()].flatMap((group) => [...inChunks(group)])) {
    const [{ sends: kind, editBy } = { sends: 'file', editBy: 0 }] = chunk;
    const values = chunk.map(({ key, sends, position, joins, dueAt }) => ({
      key,
      sends,
      turn,
      run_id: runId,
      channel_id: channelId,
      position,
      joins,
      due_at: isOpen ? dueAt : null,
      lease_until: 0,
      attempts: 0,
      version: 1,
    }));
    await trx
      .insertInto('outbox')
      .values(values)
      .onConflict((conflict) =>
        kind === 'message'
          ? conflict
              .column('key')
              .doUpdateSet({
                version: sql`outbox.version + 1`,
                due_at: isOpen
                  ? sql`case when outbox.due_at < ${editBy} then outbox.due_at else ${editBy} end`
                  : null,
              })
              .where('outbox.given_up_at', 'is', null)
              // It may stand in a message with others.
              .where((row) => row.or([row('outbox.joins', 'is', null), row('outbox.ts', 'is', null)]))
          : conflict
              .column('key')
              .doUpdateSet({ given_up_at: null, error: null, due_at: sql`excluded.due_at` })
              .where('outbox.given_up_at', 'is not', null),
      )
      .execute();
  }
}
