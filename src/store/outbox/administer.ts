import { type Kysely, sql } from 'kysely';
import type { GivenUpRetried, OutboxDesk, StuckRow } from '../../ports/outbox.ts';
import { describeKey } from '../../thread/row.ts';
import { appendAudit, NOBODY } from '../audit.ts';
import { isServerUrl } from '../database-url.ts';
import { asConfigError, openBeside, openReader, parseDatabaseUrl } from '../embedded/database.ts';
import { checkMigrated } from '../migrations/migrate.ts';
import type { Schema } from '../schema.ts';
import { GIVEN_UP_WITH, givenUpRows } from './given-up.ts';

export interface AdministerSettings {
  readonly databaseUrl: string;
  readonly auditLines: 'channel' | 'nobody';
  readonly now: () => number;
}

/**
 * The outbox for an administrator, beside a bot that runs or not. What is changed is one short transaction, and only
 * rows that the bot has laid aside: it holds none of them, and looks for what is due every ten seconds.
 */
export function openOutboxDesk({ databaseUrl, auditLines, now }: AdministerSettings): OutboxDesk {
  return {
    async list() {
      const { db, close, check, asConfigError } = await openFor('list', databaseUrl);
      try {
        await check();
        return [...(await listGivenUp(db)), ...(await listFailing(db))];
      } catch (error) {
        throw asConfigError(error);
      } finally {
        await close();
      }
    },

    async retry(which, by) {
      const { db, close, check, asConfigError } = await openFor('retry', databaseUrl);
      try {
        await check();
        return await db.transaction().execute(async (trx) => {
          const retried = await makeDue(trx, which);
          if (retried.rows === 0) return retried;
          const reason = `${by} made due again what Slack would not take: ${retried.rows === 1 ? '1 row' : `${retried.rows} rows`} (${which})`;
          await appendAudit(
            trx,
            {
              at: now(),
              by: NOBODY,
              action: 'sent-again',
              runId: null,
              channelId: null,
              detail: { reason, by, which, rows: retried.rows },
            },
            auditLines,
          );
          return retried;
        });
      } catch (error) {
        throw asConfigError(error);
      } finally {
        await close();
      }
    },
  };
}

/** The tables beside a bot: to look, or for one short transaction. */
async function openFor(what: 'list' | 'retry', databaseUrl: string) {
  if (isServerUrl(databaseUrl)) {
    const { addressOf, asConfigError, openReader, openWriter } = await import('../postgres/connect.ts');
    const { name } = addressOf(databaseUrl);
    const quiet = { log: { debug() {}, info() {}, warn() {}, error() {} }, onFailure() {} };
    const opened = what === 'list' ? openReader(databaseUrl) : openWriter(databaseUrl, { max: 1, ...quiet });
    return { ...opened, async check() {}, asConfigError: (error: unknown) => asConfigError(name, error) };
  }
  const path = parseDatabaseUrl(databaseUrl);
  const { db, close } = what === 'list' ? openReader(path) : await openBeside(path);
  return {
    db,
    close,
    check: () => checkMigrated(db, path),
    asConfigError: (error: unknown) => asConfigError(path, error),
  };
}

async function listGivenUp(db: Kysely<Schema>): Promise<readonly StuckRow[]> {
  const rows = await givenUpRows(db)
    .select([
      'outbox.key',
      'outbox.run_id',
      'outbox.channel_id',
      'outbox.given_up_at',
      'outbox.error',
      'outbox.tries',
    ])
    .orderBy('outbox.given_up_at')
    .orderBy('outbox.key')
    .execute();
  return rows.map((row) => toStuck({ ...row, since: row.given_up_at }, 'given-up'));
}

async function listFailing(db: Kysely<Schema>): Promise<readonly StuckRow[]> {
  const rows = await db
    .selectFrom('outbox')
    .select(['key', 'run_id', 'channel_id', 'due_at', 'error', 'tries'])
    .where('due_at', 'is not', null)
    .where((row) => row.or([row('tries', '>', 0), row('faults', '>', 0)]))
    .orderBy('due_at')
    .orderBy('key')
    .execute();
  return rows.map((row) => toStuck({ ...row, since: row.due_at }, 'failing'));
}

interface ReadRow {
  readonly key: string;
  readonly run_id: string | null;
  readonly channel_id: string | null;
  readonly since: number | null;
  readonly error: string | null;
  readonly tries: number;
}

function toStuck(
  { key, run_id, channel_id, since, error, tries }: ReadRow,
  state: StuckRow['state'],
): StuckRow {
  const isOfPlace = error?.startsWith(GIVEN_UP_WITH) === true;
  return {
    key,
    state,
    what: describeKey(key),
    runId: run_id,
    channelId: channel_id,
    since: since ?? 0,
    error: isOfPlace ? error.slice(GIVEN_UP_WITH.length) : (error ?? ''),
    isOfPlace,
    tries,
  };
}

/** As when a channel opens again: an earlier try may have reached Slack, so each is looked for first. */
async function makeDue(db: Kysely<Schema>, which: string): Promise<GivenUpRetried> {
  let chosen = givenUpRows(db);
  if (which !== 'all') {
    chosen = chosen.where((row) =>
      row.or([row('outbox.key', '=', which), row('outbox.run_id', '=', which.toLowerCase())]),
    );
  }
  const closed = await chosen
    .innerJoin('place', 'place.channel_id', 'outbox.channel_id')
    .select(['place.channel_id as channelId', 'place.error'])
    .distinct()
    .execute();
  const { numUpdatedRows } = await db
    .updateTable('outbox')
    .set((row) => ({
      due_at: row.ref('given_up_at'),
      given_up_at: null,
      lease_until: 0,
      attempts: sql`attempts + 1`,
      tries: 0,
      faults: 0,
      error: null,
    }))
    .where('key', 'in', chosen.select('outbox.key'))
    .executeTakeFirstOrThrow();
  return { rows: Number(numUpdatedRows), closed };
}
