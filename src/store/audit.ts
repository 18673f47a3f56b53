import { type Selectable, sql, type Transaction } from 'kysely';
import type { AuditEntry } from '../run/audit-entry.ts';
import type { Requester } from '../run/plan.ts';
import { oweAuditLine } from '../thread/layout.ts';
import { sha256 } from './audit/sha256.ts';
import { LAST } from './outbox/claim.ts';
import { oweRows } from './outbox/owed-rows.ts';
import { takeCounted } from './people/refusal-counts.ts';
import type { Schema } from './schema.ts';

export interface AuditEvent {
  readonly at: number;
  readonly by: Requester;
  readonly action: AuditEntry['action'];
  readonly runId: string | null;
  readonly channelId: string | null;
  /** Already masked. */
  readonly detail: Readonly<Record<string, unknown>>;
}

/** The bot itself, for what nobody asked for. */
export const NOBODY: Requester = { teamId: '', userId: '' };

/**
 * Adds the next link of the chain, in the transaction of what it records: both stand or neither. Comes last in
 * it, so that with several writers the head is held as short as can be. Refusals of the same person that were only
 * counted so far go before it. Tells the head that the chain has then: `NUMBER:HASH`.
 */
export async function appendAudit(
  trx: Transaction<Schema>,
  event: AuditEvent,
  lineFor: 'channel' | 'nobody',
): Promise<string> {
  const { at, by } = event;
  const counted = await takeCounted(trx, by);
  if (counted !== undefined) await link(trx, { at, by, action: 'refused', runId: null, ...counted }, lineFor);
  return await link(trx, event, lineFor);
}

async function link(
  trx: Transaction<Schema>,
  event: AuditEvent,
  lineFor: 'channel' | 'nobody',
): Promise<string> {
  const head = await trx
    .updateTable('audit_head')
    .set({ seq: sql`seq + 1` })
    .where('id', '=', 1)
    .returning(['seq', 'hash'])
    .executeTakeFirstOrThrow();
  const row = {
    seq: head.seq,
    at: event.at,
    team_id: event.by.teamId,
    user_id: event.by.userId,
    action: event.action,
    run_id: event.runId,
    channel_id: event.channelId,
    detail_json: JSON.stringify(event.detail),
    prev: head.hash,
  };
  const hash = hashEntry(row);
  await trx
    .insertInto('audit')
    .values({ ...row, hash })
    .execute();
  await trx.updateTable('audit_head').set({ hash }).where('id', '=', 1).execute();
  if (lineFor === 'channel') {
    const turn = isOfNoMoment(event) ? LAST : 'audit';
    const channel = { turn, runId: event.runId, channelId: null, isOpen: true };
    await oweRows(trx, channel, [oweAuditLine(row.seq, event.at)]);
  }
  return `${row.seq}:${hash}`;
}

/** Nothing came of it, and people can bring it about as often as they like. */
function isOfNoMoment({ action, runId }: AuditEvent): boolean {
  return action === 'read' || (action === 'refused' && runId === null);
}

export type AuditRow = Selectable<Schema['audit']>;

export function hashEntry(row: Omit<AuditRow, 'hash'>): string {
  const { seq, at, team_id, user_id, action, run_id, channel_id, detail_json, prev } = row;
  return sha256(JSON.stringify([seq, at, team_id, user_id, action, run_id, channel_id, detail_json, prev]));
}
