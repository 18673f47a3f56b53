import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { ConfigError } from '../../errors.ts';
import type { Log } from '../../ports/log.ts';
import { delay } from '../../time/delay.ts';
import { auditTrailOf } from '../audit/trail.ts';
import type { Database, DatabaseSettings } from '../database.ts';
import { migrateServer } from '../migrations/server.ts';
import { refuseClosed } from './closed.ts';
import {
  addressOf,
  asConfigError,
  describeTrouble,
  isAway,
  openBeater,
  openPool,
  openReader,
  openWriter,
} from './connect.ts';
import { ServerCrew } from './crew.ts';
import { Engine } from './queue/engine.ts';
import { ServerJobs } from './queue/jobs.ts';
import { Posting } from './queue/posting.ts';
import { Replicas } from './queue/replicas.ts';
import { toServer } from './server-schema.ts';

/** Most of these wait for their turn to write; the rest read. */
const WRITERS = 6;
/** Beats, and what pg-boss looks after. */
const BEATERS = 3;
const RETRY_MS = 2_000;

/** Tables on a server, which several processes share; brought up to date. Waits for a server that is not there yet. */
export async function openServer({ url, log, onFailure }: DatabaseSettings): Promise<Database> {
  const { name } = addressOf(url);
  await prepare(url, name, log);
  const self = randomUUID();
  const writer = openWriter(url, { max: WRITERS, self, log, onFailure });
  const engines = openPool(url, { max: BEATERS, silenceMs: 5_000, log });
  const beater = openBeater(url, log);
  const { db } = writer;
  const replicas = new Replicas(beater.db, self);
  const crew = new ServerCrew(beater.db, replicas, self, log);
  return {
    name,
    db,
    isShared: true,
    crew,
    clock: () => replicas.now(),
    posting: new Posting(replicas, self),
    self,
    takeAbandoned: (what) => replicas.takeAbandoned(db, what),
    isReplica: (id) => replicas.isKnown(id),
    async askToStop(trx, jobIds) {
      if (jobIds.length === 0) return;
      await toServer(trx)
        .updateTable('job')
        .set({ stop_asked: true })
        .where(sql<boolean>`id = any(${jobIds}::text[])`)
        .execute();
    },
    openQueue: (ledger, outbox, { hostConcurrency, shares }) =>
      new ServerJobs({
        ledger,
        outbox,
        openEngine: () => Engine.open(engines, log),
        checkOpen: (trx) => refuseClosed(trx, name),
        beats: beater.db,
        replicas,
        hostConcurrency,
        personSlots: shares.slots,
        log,
      }),
    trail: auditTrailOf({
      open: () => openReader(url),
      asConfigError: (error) => asConfigError(name, error),
    }),
    async measureUse() {
      const { rows } = await sql<{
        bytes: number;
      }>`select coalesce(sum(pg_total_relation_size(oid)), 0) as bytes
        from pg_class where relkind = 'r' and relnamespace = current_schema()::regnamespace`.execute(db);
      return rows[0]?.bytes ?? 0;
    },
    // The server does so by itself.
    async giveBack() {
      return false;
    },
    erase() {},
    trouble: () => undefined,
    // The store's own write shows the rest.
    async probe() {},
    describeTrouble,
    asConfigError: (error) => asConfigError(name, error),
    async close() {
      crew.close();
      await Promise.all([writer.close(), beater.close(), engines.end()]);
    },
  };
}

/** Makes the tables. A server that is not there at the moment is waited for, one that refuses us is not. */
async function prepare(url: string, name: string, log: Log): Promise<void> {
  for (;;) {
    const reader = openReader(url);
    try {
      await checkEncoding(reader.db, name);
      return await migrateServer(reader.db, name);
    } catch (error) {
      if (!isAway(error)) throw asConfigError(name, error);
      log.warn({ err: error, retryMs: RETRY_MS }, 'the database is not there yet; waiting for it');
      await delay(RETRY_MS);
    } finally {
      await reader.close();
    }
  }
}

async function checkEncoding(db: Parameters<typeof migrateServer>[0], name: string): Promise<void> {
  const { rows } = await sql<{ server_encoding: string }>`show server_encoding`.execute(db);
  if (rows[0]?.server_encoding === 'UTF8') return;
  throw new ConfigError([
    `BATCHOPS_DATABASE_URL: ${name} holds its text in ${rows[0]?.server_encoding}; make the database with createdb --encoding=UTF8 --template=template0`,
  ]);
}
