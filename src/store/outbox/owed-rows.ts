import { type Insertable, sql, type Transaction } from 'kysely';
import type { OwedRow } from '../../thread/layout.ts';
import { inChunks } from '../jobs/pieces.ts';
import type { Schema } from '../schema.ts';

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

/** What a thread, or the audit channel, is owed. */
export interface Owed {
  readonly by: OwedBy;
  readonly rows: readonly OwedRow[];
}

/**
 * The one way by which a message or a file comes to be owed: new, it is due at its time, or once its thread
 * stands.
 */
export function oweRows(trx: Transaction<Schema>, by: OwedBy, rows: readonly OwedRow[]): Promise<void> {
  return oweAll(trx, [{ by, rows }]);
}

/** The same for several threads, each once: as many statements as for one. */
export async function oweAll(trx: Transaction<Schema>, owed: readonly Owed[]): Promise<void> {
  const all = owed.flatMap(({ by, rows }) => rows.map((row) => ({ by, row, values: toValues(by, row) })));
  const messages = all.filter(({ row }) => row.sends === 'message');
  for (const [editBy, group] of Map.groupBy(messages, ({ by, row }) => (by.isOpen ? row.editBy : null))) {
    for (const chunk of inChunks(group)) {
      await oweMessages(
        trx,
        chunk.map(({ values }) => values),
        editBy,
      );
    }
  }
  const files = all.filter(({ row }) => row.sends !== 'message');
  for (const chunk of inChunks(files.map(({ values }) => values))) await oweFiles(trx, chunk);
}

function toValues(
  { turn, runId, channelId, isOpen }: OwedBy,
  { key, sends, position, joins, dueAt }: OwedRow,
): Insertable<Schema['outbox']> {
  return {
    key,
    sends,
    turn,
    run_id: runId,
    position,
    joins,
    channel_id: channelId,
    due_at: isOpen ? dueAt : null,
    lease_until: 0,
    attempts: 0,
    version: 1,
  };
}

/**
 * One that is there already is behind, by `editBy` at the latest; not one that was given up or may be shared. One that
 * is due by then and that nobody has claimed since it was last sent stays as it is: whoever claims it finds this change
 * too. While a run goes on that is most of them.
 */
async function oweMessages(
  trx: Transaction<Schema>,
  values: readonly Insertable<Schema['outbox']>[],
  editBy: number | null,
): Promise<void> {
  await trx
    .insertInto('outbox')
    .values(values)
    .onConflict((conflict) =>
      conflict
        .column('key')
        .doUpdateSet({
          version: sql`outbox.version + 1`,
          due_at:
            editBy === null
              ? null
              : sql`case when outbox.due_at < ${editBy} then outbox.due_at else ${editBy} end`,
        })
        .where('outbox.given_up_at', 'is', null)
        // With others in its message, it would take their place.
        .where((row) => row.or([row('outbox.joins', 'is', null), row('outbox.ts', 'is', null)]))
        .where((row) =>
          editBy === null
            ? row.lit(true)
            : row.or([
                row('outbox.attempts', '>', 0),
                row('outbox.due_at', 'is', null),
                row('outbox.due_at', '>', editBy),
              ]),
        ),
    )
    .execute();
}

/** One that is there is there for good; one that was given up gets another chance. */
async function oweFiles(
  trx: Transaction<Schema>,
  values: readonly Insertable<Schema['outbox']>[],
): Promise<void> {
  await trx
    .insertInto('outbox')
    .values(values)
    .onConflict((conflict) =>
      conflict
        .column('key')
        .doUpdateSet({ given_up_at: null, error: null, due_at: sql`excluded.due_at` })
        .where('outbox.given_up_at', 'is not', null),
    )
    .execute();
}
