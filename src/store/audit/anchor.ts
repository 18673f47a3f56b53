import type { AnchoredAt } from '../../run/audit-entry.ts';
import { appendAudit, NOBODY } from '../audit.ts';
import type { Ledger } from '../jobs/settle.ts';

/**
 * Shows the chain's head outside the database: an entry whose line in the audit channel tells its own number and
 * hash in full, by which all before it is held. Resolves with that head. A chain of which no head was shown before
 * says so: it is new, whatever stood there before. Without a channel nothing is written.
 */
export function anchorHead(ledger: Ledger, when: AnchoredAt): Promise<string> {
  return ledger.db.transaction().execute(async (trx) => {
    const head = await trx.selectFrom('audit_head').selectAll().executeTakeFirstOrThrow();
    if (ledger.auditLines === 'nobody') return `${head.seq}:${head.hash}`;
    const earlier = await trx
      .selectFrom('audit')
      .select('seq')
      .where('action', '=', 'anchored')
      .orderBy('seq', 'desc')
      .limit(1)
      .executeTakeFirst();
    const first = await trx.selectFrom('audit').select('at').orderBy('seq').limit(1).executeTakeFirst();
    const { runs, refusals } = head;
    const event = { at: ledger.now(), by: NOBODY, action: 'anchored', runId: null, channelId: null } as const;
    const detail = {
      when,
      runs,
      refusals,
      ...(earlier === undefined && { reason: describeFirst(first?.at) }),
    };
    return await appendAudit(trx, { ...event, detail }, ledger.auditLines);
  });
}

function describeFirst(at: number | undefined): string {
  const since = at === undefined ? '' : ` of ${new Date(at).toISOString().slice(0, 19)}Z`;
  return `a chain begins to be shown here: no head of it was posted before, its first entry is${since}`;
}
