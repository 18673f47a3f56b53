import { type AuditedTrust, keepStart, type TrustedHost } from '../../run/audit-entry.ts';
import type { FirstKey } from '../../run/host-key.ts';
import { appendAudit } from '../audit.ts';
import type { Ledger } from '../jobs/settle.ts';

/** In the audit only: the run's own line and its thread tell how many there were. */
export async function recordFirstKeys(
  { db, now }: Ledger,
  runId: string,
  keys: readonly FirstKey[],
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const run = await trx
      .selectFrom('run')
      .select(['team_id', 'user_id', 'channel_id'])
      .where('id', '=', runId)
      .executeTakeFirstOrThrow();
    const by = { teamId: run.team_id, userId: run.user_id };
    const channelId = run.channel_id;
    await appendAudit(
      trx,
      { at: now(), by, action: 'trusted', runId, channelId, detail: { keys } },
      'nobody',
    );
  });
}

/** A line of the audit channel, and all keys in the entry. */
export async function recordTrust(
  { db, now, mask, auditLines }: Ledger,
  { requester, channelId, hosts }: AuditedTrust,
): Promise<void> {
  const detail = { hosts, reason: keepStart(mask(hosts.map(describeTrusted).join('; '))) };
  await db
    .transaction()
    .execute((trx) =>
      appendAudit(
        trx,
        { at: now(), by: requester, action: 'trusted', runId: null, channelId, detail },
        auditLines,
      ),
    );
}

function describeTrusted({ host, known, keys }: TrustedHost): string {
  const now = keys.map(({ type, fingerprint }) => `${fingerprint} (${type})`).join(', ');
  const before = known.map(({ fingerprint }) => fingerprint).join(', ');
  return known.length === 0 ? `${host}: new ${now}` : `${host}: ${now} instead of ${before}`;
}
