import { randomUUID } from 'node:crypto';
import type { Kysely } from 'kysely';
import { auditTrailOf } from '../audit/trail.ts';
import type { Database, DatabaseSettings } from '../database.ts';
import { Lanes } from '../jobs/lanes.ts';
import { migrate } from '../migrations/migrate.ts';
import type { Schema } from '../schema.ts';
import { asConfigError, describeTrouble, measureUse, openFile, parseDatabaseUrl } from './database.ts';
import { Erasure } from './erasure.ts';
import { EmbeddedJobs } from './jobs.ts';
import { OwnFile } from './own-file.ts';
import { giveBack } from './shrink.ts';
import { fileView } from './view.ts';

/** One file, of this process alone; brought up to date. */
export async function openEmbedded({ url, log, onFailure }: DatabaseSettings): Promise<Database> {
  const path = parseDatabaseUrl(url);
  const file = openFile(path, onFailure);
  const { db } = file;
  try {
    if (!file.isShrinkable) {
      log.warn(
        { path },
        'what is freed in the database is used again and not given back to the disk: see "Disk" in the README',
      );
    }
    await migrate(db, path, log);
    const erasure = new Erasure(db, log);
    // What a former process deleted, and did not live to cut off.
    erasure.plan();
    const own = new OwnFile(path, onFailure);
    // Of former processes, whatever this one does meanwhile.
    const left = { run: await findUnopened(db), received: await findUnanswered(db) };
    const self = randomUUID();
    return {
      name: path,
      db,
      isShared: false,
      clock: undefined,
      posting: undefined,
      self,
      async takeAbandoned(what) {
        return left[what].splice(0);
      },
      isReplica: async (id) => id === self,
      // Whoever cancels tells the dispatcher, which is in this process.
      async askToStop() {},
      openQueue: (ledger, outbox, { hostConcurrency, shares }) =>
        new EmbeddedJobs(ledger, new Lanes(hostConcurrency, shares.slots), outbox, own, log),
      trail: auditTrailOf(fileView(url)),
      measureUse: () => measureUse(db),
      giveBack: () => giveBack(file),
      erase: () => erasure.plan(),
      trouble: () => own.trouble(),
      probe: () => own.probe(),
      describeTrouble,
      asConfigError: (error) => asConfigError(path, error),
      async close() {
        erasure.close();
        await file.close();
      },
    };
  } catch (error) {
    await file.close();
    throw asConfigError(path, error);
  }
}

async function findUnopened(db: Kysely<Schema>): Promise<string[]> {
  const rows = await db.selectFrom('run').select('id').where('state', '=', 'opening').execute();
  return rows.map(({ id }) => id);
}

async function findUnanswered(db: Kysely<Schema>): Promise<string[]> {
  return (await db.selectFrom('received').select('id').execute()).map(({ id }) => id);
}
