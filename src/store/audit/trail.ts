import type { Kysely } from 'kysely';
import type { AuditTrail } from '../../ports/records.ts';
import type { AuditEntry } from '../../run/audit-entry.ts';
import type { AuditRow } from '../audit.ts';
import { asConfigError, openReader, parseDatabaseUrl } from '../embedded/database.ts';
import type { Schema } from '../schema.ts';
import { parseDetail, walkEntries } from './entries.ts';
import { verifyAll } from './verify.ts';

/**
 * The audit trail alone, for the command line: needs no lock, so it works beside a running bot. Its verbs
 * reject with a `ConfigError` where there is no such database.
 */
export function openAuditTrail(databaseUrl: string): AuditTrail {
  return auditTrailOf(parseDatabaseUrl(databaseUrl));
}

/** Each walk opens its own view of the file and holds up nobody; only `verify` sees one moment of it. */
export function auditTrailOf(path: string): AuditTrail {
  return {
    async find(seq) {
      await using reader = openView(path);
      const row = await reader.db.selectFrom('audit').selectAll().where('seq', '=', seq).executeTakeFirst();
      return row && toEntry(row);
    },
    async *entries() {
      await using reader = openView(path);
      try {
        for await (const row of walkEntries(reader.db)) yield toEntry(row);
      } catch (error) {
        throw asConfigError(path, error);
      }
    },
    async verify(head) {
      await using reader = openView(path);
      try {
        // One transaction: what is appended meanwhile is not half seen.
        return await reader.db.transaction().execute((trx) => verifyAll(trx, head));
      } catch (error) {
        throw asConfigError(path, error);
      }
    },
  };
}

function openView(path: string): AsyncDisposable & { readonly db: Kysely<Schema> } {
  const reader = openReader(path);
  return { db: reader.db, [Symbol.asyncDispose]: () => reader.close() };
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
