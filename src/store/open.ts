import { Refusal } from '../errors.ts';
import { type Shares, UNBOUNDED } from '../policy/shares.ts';
import type { Log } from '../ports/log.ts';
import { type Meters, UNMETERED } from '../ports/meters.ts';
import type { Store } from '../ports/store.ts';
import type { Beat } from '../time/beat.ts';
import { anchorHead } from './audit/anchor.ts';
import type { Database } from './database.ts';
import { StoredExpiry } from './expiry/expiry.ts';
import { StoredLeftovers } from './files/leftovers.ts';
import { StoredOrigins } from './files/origins.ts';
import { StoredHostFacts } from './jobs/host-facts.ts';
import type { JobQueue } from './jobs/job-queue.ts';
import { listFoldRows, listSlowest, readJobs } from './jobs/results.ts';
import type { Ledger } from './jobs/settle.ts';
import { openDatabase } from './open-database.ts';
import { measureBacklog } from './outbox/backlog.ts';
import { StoredOutbox } from './outbox/outbox.ts';
import { StoredPlaces } from './outbox/places.ts';
import { StoredDoubts, StoredReadings } from './people/doubts.ts';
import { StoredOffers } from './people/key-offers.ts';
import { Reads } from './people/reads.ts';
import { StoredReceived } from './people/received.ts';
import { Refusals } from './people/refusals.ts';
import { recordFirstKeys, recordTrust } from './people/trust.ts';
import { cancelHosts, cancelRun } from './runs/cancel.ts';
import { clickKey, countUnfinished, createRun } from './runs/create-run.ts';
import { holdRuns, refreshReply, refreshRoot, resumeRun } from './runs/holds.ts';
import { Plans } from './runs/plans.ts';
import { Records } from './runs/records.ts';
import { abandonRun, postLog, recordEvent, releaseRun, skipJobs } from './runs/runs.ts';

const DEFAULT_RESUME_WITHIN_MS = 10 * 60_000;

export interface StoreSettings {
  /** `file:PATH`, relative to the working directory, or `postgres://…`. */
  readonly url: string;
  /** Jobs at once on one host, over all runs. */
  readonly hostConcurrency: number;
  /** What one person may have; no bounds where left out. */
  readonly shares?: Shares;
  /** Why no run is to be put down in a database of so many bytes, a clause; none where left out. */
  readonly findShortage?: (usedBytes: number) => Promise<string | undefined>;
  /** With one, every decision of the audit also becomes an outbox row. */
  readonly auditChannel: string | undefined;
  /** Where another process posts the lines: whether it has a channel for them, as far as is known. */
  readonly auditLines?: () => 'channel' | 'nobody';
  /** Takes secrets out of a text that is kept to be read: the audit's, and what was typed. */
  readonly mask: (text: string) => string;
  /** How long after it was asked for what waits may begin by itself. */
  readonly resumeWithinMs?: number;
  readonly log: Log;
  readonly meters?: Meters;
  readonly now?: () => number;
  /** Now, by the wall clock (a server's is taken where there is one) and by the machine's own; by `now` alone where left out. */
  readonly beat?: () => Beat;
  /** The poster's clock: one that nobody can set. The same as `now` where left out. */
  readonly steady?: () => number;
}

/**
 * Opens the record and brings it up to date: tables, jobs that a former process left running, the order of those
 * that wait. A file is this process's alone; a server is shared with others that run the same bot. A `ConfigError` where the administrator has to do something.
 */
export async function openStore(settings: StoreSettings): Promise<Store> {
  const { auditChannel, mask, log, now = Date.now, shares = UNBOUNDED, meters = UNMETERED } = settings;
  const onFailure = (): void => meters.count('storeFailures', 'all');
  const database = await openDatabase({ url: settings.url, log, onFailure });
  const { db, isShared } = database;
  const steady = database.clock ?? settings.steady ?? now;
  let jobs: JobQueue | undefined;
  try {
    const plans = new Plans();
    const records = new Records(db, plans, isShared ? 'asked-anew' : 'remembered');
    const outbox = new StoredOutbox(
      db,
      auditChannel,
      { now, steady },
      (runId) => records.forget(runId),
      database.posting,
    );
    const ledger: Ledger = {
      db,
      plans,
      now,
      beat: () => {
        const beat = settings.beat?.() ?? { at: now(), boot: '', uptimeMs: 0 };
        // Of several machines each has a wall clock of its own.
        return database.clock === undefined ? beat : { ...beat, at: database.clock() };
      },
      mask,
      meters,
      get auditLines() {
        return settings.auditLines?.() ?? (auditChannel === undefined ? 'nobody' : 'channel');
      },
      erase: () => database.erase(),
      self: database.self,
      askToStop: database.askToStop,
    };
    const queue = database.openQueue(ledger, outbox, { hostConcurrency: settings.hostConcurrency, shares });
    jobs = queue;
    const interrupted = await queue.recover();
    if (interrupted > 0) log.warn({ jobs: interrupted }, 'jobs were running when the bot last stopped');

    const places = new StoredPlaces(ledger, outbox, queue, {
      auditChannel,
      resumeWithinMs: settings.resumeWithinMs ?? DEFAULT_RESUME_WITHIN_MS,
    });
    const reads = new Reads(ledger);
    const refusals = await Refusals.open(ledger, log, () => outbox.announce());
    /** What is to be in the audit, whatever becomes of it. */
    const onRecord = async <T>(recorded: Promise<T>): Promise<T> => {
      try {
        return await recorded;
      } catch (error) {
        if (!(error instanceof Refusal)) meters.count('auditFailures', 'all');
        throw error;
      }
    };
    return {
      jobs: queue,
      outbox,
      clock: steady,
      self: database.self,
      isShared,
      crew: database.crew,
      isReplica: (id) => database.isReplica(id),
      places,
      audit: database.trail,
      leftovers: await StoredLeftovers.open(db, now, isShared),
      origins: new StoredOrigins(db),
      received: new StoredReceived(db, now, () => database.takeAbandoned('received')),
      expiry: new StoredExpiry(ledger, database, (runIds) => {
        for (const id of runIds) records.forget(id);
        outbox.announce();
      }),
      async unfinishedRuns() {
        const owed = await db
          .selectFrom('outbox')
          .select('turn')
          .distinct()
          .where('due_at', 'is not', null)
          .execute();
        const open = await db.selectFrom('run').select('id').where('finished_at', 'is', null).execute();
        return new Set([...owed.map(({ turn }) => turn), ...open.map(({ id }) => id)]);
      },
      hostFacts: new StoredHostFacts(ledger),
      doubts: new StoredDoubts(ledger),
      offers: new StoredOffers(ledger),
      readings: new StoredReadings(ledger, () => outbox.announce()),

      async createRun(plan, requestKey, click, receivedAs) {
        refuseWhereGone(database);
        const shortage = await settings.findShortage?.(await database.measureUse());
        const admission = { shares, shortage };
        const requested = { requestKey, click, receivedAs };
        const { runId, isNew } = await onRecord(createRun(ledger, plan, admission, requested));
        const run = await records.findRun(runId);
        if (run === undefined) throw new Error(`run ${runId} was stored and cannot be found`);
        outbox.announce();
        return { run, isNew };
      },
      async releaseRun(runId, rootTs) {
        refuseWhereGone(database);
        const join = await queue.prepare(runId.toLowerCase());
        const change = await releaseRun(ledger, runId.toLowerCase(), rootTs);
        join();
        queue.follow(change);
      },
      async abandonRun(runId, reason) {
        await abandonRun(ledger, runId.toLowerCase(), reason);
        outbox.announce();
      },
      async cancelRun(runId, by) {
        const { skipped, running } = await cancelRun(ledger, runId.toLowerCase(), by);
        queue.forget(skipped);
        outbox.announce();
        return { skipped: skipped.length, running };
      },
      async cancelHosts(runId, hosts, by) {
        const { skipped, running, change } = await cancelHosts(ledger, runId.toLowerCase(), hosts, by);
        queue.forget(skipped);
        queue.follow(change);
        return { skipped: skipped.length, running };
      },
      async skipJobs(runId, hosts, reason) {
        queue.follow(await skipJobs(ledger, runId.toLowerCase(), hosts, reason));
      },
      async holdRuns(reason) {
        const held = await holdRuns(ledger, reason);
        queue.forget(held);
        outbox.announce();
        return held.length;
      },
      async refreshRoot(runId) {
        await refreshRoot(ledger, runId);
        outbox.announce();
      },
      async refreshReply(runId, host) {
        await refreshReply(ledger, runId, host);
        outbox.announce();
      },
      async resumeRun(runId, by) {
        const resumed = await resumeRun(ledger, runId.toLowerCase(), by, 'absence');
        if (resumed !== undefined) queue.follow(resumed.change);
        return resumed?.waiting;
      },
      async continueRun(runId, by) {
        const resumed = await resumeRun(ledger, runId.toLowerCase(), by, 'canary');
        if (resumed !== undefined) queue.follow(resumed.change);
        return resumed?.waiting;
      },
      async lastBeat() {
        const row = await db.selectFrom('beat').selectAll().executeTakeFirst();
        return row && { at: row.at, boot: row.boot, uptimeMs: row.uptime_ms };
      },
      async beat({ at, boot, uptimeMs }) {
        const row = { at, boot, uptime_ms: uptimeMs };
        await db
          .insertInto('beat')
          .values({ id: 1, ...row })
          .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
          .execute();
      },
      async postLog(runId) {
        const isThere = await postLog(ledger, runId.toLowerCase());
        outbox.announce();
        return isThere;
      },
      async recordRefusal(refusal) {
        await onRecord(refusals.record(refusal));
        outbox.announce();
      },
      async recordRead(read) {
        await onRecord(reads.record(read));
        outbox.announce();
      },

      recordFirstKeys: (runId, keys) => onRecord(recordFirstKeys(ledger, runId.toLowerCase(), keys)),

      async recordTrust(trust) {
        await onRecord(recordTrust(ledger, trust));
        outbox.announce();
      },
      async recordEvent(event) {
        await onRecord(recordEvent(ledger, event));
        outbox.announce();
      },

      async anchorAudit(when) {
        if (when === 'stop') await refusals.writeAll();
        const head = await onRecord(anchorHead(ledger, when));
        outbox.announce();
        return head;
      },

      async unopenedRuns() {
        const ids = new Set(await database.takeAbandoned('run'));
        if (ids.size === 0) return [];
        return (await records.openRuns()).filter(({ id, state }) => state === 'opening' && ids.has(id));
      },
      findRun: (runId) => records.findRun(runId),
      findGoneRun: (runId) => records.findGoneRun(runId),
      async runOfRequest(requestKey, clickId) {
        const found = await db
          .selectFrom('run')
          .select('id')
          .where('request_key', '=', clickId === undefined ? requestKey : clickKey(requestKey, clickId))
          .executeTakeFirst();
        return found?.id;
      },
      listRuns: (count, whose) => records.listRuns(count, whose),
      openRuns: () => records.openRuns(),
      listJobs: (runId) => records.listJobs(runId),
      findJob: (runId, host) => records.findJob(runId, host),
      listFoldRows: (runId) => listFoldRows(db, runId.toLowerCase()),
      readJobs: (runId) => readJobs(db, runId.toLowerCase()),
      unfinishedOf: (requester) => countUnfinished(db, requester),
      findWaits: (runIds) => queue.waits(runIds),
      listSlowest: (runId, count) => listSlowest(db, runId.toLowerCase(), count),

      backlog: () => measureBacklog(db, now()),
      usedBytes: () => database.measureUse(),
      describeTrouble: (error) => database.describeTrouble(error),
      async ping() {
        await database.probe();
        // A write that changes nothing, and still has to reach the disk.
        await db
          .updateTable('audit_head')
          .set((head) => ({ seq: head.ref('seq') }))
          .where('id', '=', 1)
          .execute();
      },
      async close() {
        await refusals
          .close()
          .catch((error: unknown) => log.warn({ err: error }, 'counted refusals wait for the next start'));
        outbox.close();
        await queue.close();
        await database.close();
      },
    };
  } catch (error) {
    await jobs?.close().catch(() => {});
    await database.close();
    throw database.asConfigError(error);
  }
}

/** Before a run is put down: it would be forgotten. */
function refuseWhereGone(database: Database): void {
  const trouble = database.trouble();
  if (trouble === undefined) return;
  throw new Refusal('not-now', `This could not be recorded (${trouble}), so nothing was run.`, {
    remedy: 'An administrator has to put the file back, or to start the bot anew.',
  });
}
