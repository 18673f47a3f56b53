import type { Expression, ExpressionBuilder, Kysely, SqlBool } from 'kysely';
import { FURTHEST_DUE_MS } from '../../thread/layout.ts';
import type { OutboxLane } from '../../thread/row.ts';
import type { Schema } from '../schema.ts';

export interface Clocks {
  /** Epoch ms by the wall clock, as records have it. */
  readonly now: () => number;
  /** Epoch ms by the poster's clock, which only goes forward. */
  readonly steady: () => number;
}

/** Rows that are for this channel; an audit line is for whichever is the audit channel now. */
export function isOfChannel(
  row: ExpressionBuilder<Schema, 'outbox'>,
  channelId: string,
  auditChannel: string | undefined,
): Expression<SqlBool> {
  const isNamed = row('channel_id', '=', channelId);
  return channelId === auditChannel ? row.or([isNamed, row('channel_id', 'is', null)]) : isNamed;
}

/** Rows that are due; with `now`, of the poster's clock, those of them that may be claimed at it. */
export function dueRows(
  db: Kysely<Schema>,
  { auditChannel, clocks }: { readonly auditChannel: string | undefined; readonly clocks: Clocks },
  { except, lane }: { readonly except: readonly string[]; readonly lane?: OutboxLane | undefined },
  now?: number,
) {
  let due = db.selectFrom('outbox').where('due_at', 'is not', null);
  if (now !== undefined) {
    const wallNow = now + clocks.now() - clocks.steady();
    due = due
      .where((row) => row.or([row('due_at', '<=', wallNow), row('due_at', '>', wallNow + FURTHEST_DUE_MS)]))
      .where('lease_until', '<=', now);
  }
  switch (lane) {
    case undefined:
      break;
    case 'edits':
      due = due.where('sends', '=', 'message').where('ts', '<>', '');
      break;
    case 'posts':
      // Empty: there was nothing to post when its turn came.
      due = due.where((row) =>
        row.or([
          row('sends', '=', 'file'),
          row.and([row('sends', '=', 'message'), row.or([row('ts', 'is', null), row('ts', '=', '')])]),
        ]),
      );
      break;
    case 'bulk':
      due = due.where('sends', '=', 'bulk');
      break;
    default:
      lane satisfies never;
  }
  if (except.length > 0) {
    due = due.where((row) => row.or([row('channel_id', 'is', null), row('channel_id', 'not in', except)]));
  }
  // Lines of a time when there was an audit channel wait until there is one again.
  const canAudit = auditChannel !== undefined && !except.includes(auditChannel);
  return canAudit ? due : due.where('channel_id', 'is not', null);
}
