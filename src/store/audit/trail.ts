import type { AuditTrail } from '../../ports/records.ts';
import type { AuditEntry } from '../../run/audit-entry.ts';
import type { AuditRow } from '../audit.ts';
import { isServerUrl } from '../database-url.ts';
import { fileView } from '../embedded/view.ts';
import { serverView } from '../postgres/view.ts';
import { parseDetail, walkEntries } from './entries.ts';
import type { TrailSource, View } from './trail-source.ts';
import { verifyAll } from './verify.ts';

/**
 * The audit trail alone, for the command line: needs no lock, so it works beside a running bot. Its verbs
 * reject with a `ConfigError` where there is no such database.
 */
export function openAuditTrail(databaseUrl: string): AuditTrail {
  return auditTrailOf(isServerUrl(databaseUrl) ? serverView(databaseUrl) : fileView(databaseUrl));
}

/** Each walk opens its own view and holds up nobody; only `verify` sees one moment of it. */
export function auditTrailOf(source: TrailSource): AuditTrail {
  return {
    async find(seq) {
      await using view = await openView(source);
      const row = await view.db.selectFrom('audit').selectAll().where('seq', '=', seq).executeTakeFirst();
      return row && toEntry(row);
    },
    async *entries() {
      await using view = await openView(source);
      try {
        for await (const row of walkEntries(view.db)) yield toEntry(row);
      } catch (error) {
        throw source.asConfigError(error);
      }
    },
    async verify(head) {
      await using view = await openView(source);
      try {
        // One transaction: what is appended meanwhile is not half seen.
        return await view.db
          .transaction()
          .setIsolationLevel('repeatable read')
          .setAccessMode('read only')
          .execute((trx) => verifyAll(trx, head));
      } catch (error) {
        throw source.asConfigError(error);
      }
    },
  };
}

async function openView(source: TrailSource): Promise<AsyncDisposable & Pick<View, 'db'>> {
  const view = await source.open();
  return { db: view.db, [Symbol.asyncDispose]: () => view.close() };
}

function toEntry(row: AuditRow): AuditEntry {
  return {
    seq: row.seq,
    at: row.at,
    teamId: row.team_id,
    userId: row.user_id,
    action: row.action,
    runId: row.run_id,
    channelId: row.channel_id,
    detail: parseDetail(row.detail_json),
    prev: row.prev,
    hash: row.hash,
  };
}
