import { sql, type Transaction } from 'kysely';
import type { Requester } from '../../run/plan.ts';
import type { Schema } from '../schema.ts';

/** So many refusals of one person within a minute are entries of their own; the rest of them are counted. */
const TOLD_APART = 3;
export const COUNTED_FOR_MS = 60_000;

/** Already masked and cut. */
export interface RefusalDetail {
  readonly code: string;
  readonly reason: string;
  readonly typed: string;
}

/** What was counted and is not in the audit yet: of the last one, all; of the others, how many. */
export interface Counted {
  readonly channelId: string | null;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** Whether it is to be an entry of its own. What is counted stands in the store until it is one. */
export async function countRefusal(
  trx: Transaction<Schema>,
  { teamId, userId }: Requester,
  channelId: string,
  detail: RefusalDetail,
  at: number,
): Promise<'apart' | 'counted'> {
  await trx.updateTable('audit_head').set({ refusals: sql`refusals + 1` }).where('id', '=', 1).execute();
  const person = { team_id: teamId, user_id: userId };
  const known = await ofPerson(trx, { teamId, userId });
  const seen = (known?.seen ?? 0) + 1;
  if (known === undefined) {
    await trx
      .insertInto('refusals')
      .values({ ...person, since: at, seen, counted: 0, channel_id: null, last_json: null })
      .execute();
    return 'apart';
  }
  const isApart = seen <= TOLD_APART;
  await trx
    .updateTable('refusals')
    .set(
      isApart
        ? { seen }
        : {
            seen,
            counted: known.counted + 1,
            channel_id: channelId,
            last_json: JSON.stringify(detail),
          },
    )
    .where('team_id', '=', teamId)
    .where('user_id', '=', userId)
    .execute();
  return isApart ? 'apart' : 'counted';
}

/** What was counted of this person, to be written to the audit in this transaction; the count begins anew. */
export async function takeCounted(
  trx: Transaction<Schema>,
  requester: Requester,
): Promise<Counted | undefined> {
  const known = await ofPerson(trx, requester);
  if (known === undefined || known.counted === 0) return undefined;
  await trx
    .updateTable('refusals')
    .set({ counted: 0, channel_id: null, last_json: null })
    .where('team_id', '=', requester.teamId)
    .where('user_id', '=', requester.userId)
    .execute();
  const last: unknown = JSON.parse(known.last_json ?? '{}');
  return {
    channelId: known.channel_id,
    detail: { ...(typeof last === 'object' && last), count: known.counted, since: known.since },
  };
}

/** Whose minute is over, or was begun before the clock was set back; `all`: everybody. */
export async function findOver(trx: Transaction<Schema>, at: number | 'all'): Promise<readonly Requester[]> {
  const rows = await trx.selectFrom('refusals').select(['team_id', 'user_id', 'since']).execute();
  return rows
    .filter(({ since }) => at === 'all' || since > at || since <= at - COUNTED_FOR_MS)
    .map(({ team_id, user_id }) => ({ teamId: team_id, userId: user_id }));
}

export async function forgetCount(trx: Transaction<Schema>, { teamId, userId }: Requester): Promise<void> {
  await trx.deleteFrom('refusals').where('team_id', '=', teamId).where('user_id', '=', userId).execute();
}

function ofPerson(trx: Transaction<Schema>, { teamId, userId }: Requester) {
  return trx
    .selectFrom('refusals')
    .selectAll()
    .where('team_id', '=', teamId)
    .where('user_id', '=', userId)
    .executeTakeFirst();
}
