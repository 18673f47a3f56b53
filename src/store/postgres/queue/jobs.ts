import { type Kysely, sql, type Transaction } from 'kysely';
import type { Log } from '../../../ports/log.ts';
import type { EndedJob, TakenJob } from '../../../run/run.ts';
import type { Waits } from '../../../run/waits.ts';
import type { JobQueue } from '../../jobs/job-queue.ts';
import { replaceUnknown, UNKNOWN } from '../../jobs/late.ts';
import { type Held, type Ledger, settleJobs } from '../../jobs/settle.ts';
import { passGuard } from '../../jobs/start-guard.ts';
import type { StoredOutbox } from '../../outbox/outbox.ts';
import { moveOn, type RolloutChange } from '../../rollout/steps.ts';
import { BatchWaits, listWaitingRuns } from '../../rollout/waits.ts';
import { findRunning, recordStart, settleLost } from '../../runs/runs.ts';
import type { Schema } from '../../schema.ts';
import { transact } from '../../transact.ts';
import { type ServerSchema, toServer, toStore } from '../server-schema.ts';
import { Contact } from './contact.ts';
import { repeatDeadlocked } from './deadlocks.ts';
import type { Engine } from './engine.ts';
import { HeldJobs } from './held-jobs.ts';
import { takeLanes } from './host-lanes.ts';
import { QueueMap } from './queue-map.ts';
import type { Replicas } from './replicas.ts';

/** So often it is looked whether another process has released something. */
const LOOK_MS = 500;
/** Of tickets that are handed out anew, so many at a time. */
const RECLAIMED_AT_ONCE = 100;

export interface ServerJobsSettings {
  readonly ledger: Ledger;
  readonly outbox: StoredOutbox;
  readonly openEngine: () => Promise<Engine>;
  /** Rejects where no bot may start on these tables. */
  readonly checkOpen: (trx: Transaction<Schema>) => Promise<void>;
  /** Apart from the connections that wait for their turn to write: a beat must not. */
  readonly beats: Kysely<Schema>;
  readonly replicas: Replicas;
  readonly hostConcurrency: number;
  readonly personSlots: number;
  readonly log: Log;
}

type Why = 'cancelled' | 'cut-off';

/**
 * The queue of several processes. The tables say what waits, each process's map of them says what is next, pg-boss
 * says who holds what. A job's way: taken (ours in the table, a ticket and its host's lane, in one transaction),
 * started by the guard, settled (its ticket is torn up in the same transaction). A ticket for which nobody spoke in
 * ten seconds is handed to another process: what had not started is given back, what had is `interrupted`, and its
 * host's lane is kept until its process must have ended it there (`lease.ts`).
 */
export class ServerJobs implements JobQueue {
  readonly #settings: ServerJobsSettings;
  readonly #ledger: Ledger;
  readonly #db: Kysely<ServerSchema>;
  /** What this process has taken; as it ends, its host's lane is free. */
  readonly #mine: Held;
  readonly #map: QueueMap;
  readonly #contact: Contact;
  readonly #batches: BatchWaits;
  readonly #readyListeners: (() => void)[] = [];
  readonly #stopListeners: ((jobIds: readonly string[], why: Why) => void)[] = [];
  readonly #held: HeldJobs;
  readonly #look: ReturnType<typeof setInterval>;
  #engine: Engine | undefined;
  /** The map is one, and whoever uses it waits for whom uses it now. */
  #turn: Promise<unknown> = Promise.resolve();
  /** The last look found nothing that may go. */
  #isIdle = false;
  /** The last `take` failed. */
  #isInDoubt = false;

  constructor(settings: ServerJobsSettings) {
    const { ledger, hostConcurrency, personSlots, log } = settings;
    this.#settings = settings;
    this.#ledger = ledger;
    this.#db = toServer(ledger.db);
    const clock = () => settings.replicas.now();
    this.#mine = { isOurs: sql`worker = ${ledger.self}`, let: { lane: null } };
    this.#held = new HeldJobs({ ...settings, engine: () => this.#running() });
    this.#map = new QueueMap(ledger.plans, { hostConcurrency, personSlots }, clock);
    this.#batches = new BatchWaits(ledger, log, (change) => this.follow(change));
    this.#look = setInterval(() => this.#announce(), LOOK_MS).unref();
    this.#contact = new Contact({
      beat: () => this.#beat(),
      onLost: () => this.#stop(this.#held.ids(), 'cut-off'),
      log,
    });
  }

  onReady(listener: () => void): void {
    this.#readyListeners.push(listener);
  }

  onStop(listener: (jobIds: readonly string[], why: Why) => void): void {
    this.#stopListeners.push(listener);
  }

  async recover(): Promise<number> {
    this.#engine = await this.#settings.openEngine();
    await this.#settings.replicas.beat();
    this.#contact.begin();
    return await transact(this.#ledger.db, async (trx) => {
      // Behind whatever closed it since we looked.
      await this.#settings.checkOpen(trx);
      const at = this.#ledger.now();
      // Of a file that was brought here: whoever ran them is gone.
      const nobodys = await toServer(trx)
        .selectFrom('job')
        .select('id')
        .where('state', '=', 'running')
        .where('worker', 'is', null)
        .execute();
      const left =
        nobodys.length === 0
          ? []
          : await findRunning(
              trx,
              nobodys.map(({ id }) => id),
            );
      await recordStart(trx, at, left.length);
      await settleLost(this.#ledger, trx, left, at, UNKNOWN);
      return left.length;
    });
  }

  mayBegin(): boolean {
    return this.#contact.check();
  }

  take(n: number): Promise<readonly TakenJob[]> {
    if (!this.mayBegin() || !this.#settings.replicas.mayTake()) return Promise.resolve([]);
    return this.#alone(async () => {
      if (this.#isIdle && !this.#isInDoubt && !(await this.#map.isBehind(this.#db))) return [];
      try {
        const taken = await transact(this.#ledger.db, (trx) => this.#takeIn(toServer(trx), n));
        this.#held.add(taken.map(({ id }) => id));
        this.#isIdle = taken.length === 0;
        this.#isInDoubt = false;
        return taken;
      } catch (error) {
        // It may stand all the same, and its answer be lost.
        this.#isInDoubt = true;
        this.#map.doubt();
        throw error;
      }
    });
  }

  async #takeIn(trx: Transaction<ServerSchema>, n: number): Promise<readonly TakenJob[]> {
    if (this.#isInDoubt) await this.#held.giveBackUntold(trx);
    await this.#map.sync(trx);
    const next = this.#map.take(n);
    if (next.length === 0) return [];
    const engine = this.#running();
    const { self } = this.#ledger;
    await this.#held.tearStale(trx);
    const tickets = await takeLanes(trx, self, next, this.#settings.hostConcurrency);
    await engine.insert(toStore(trx), tickets);
    const claimed = new Set(await engine.claim(tickets.length + RECLAIMED_AT_ONCE, toStore(trx)));
    const ours = tickets.filter(({ id }) => claimed.delete(id));
    if (claimed.size > 0) await this.#held.reclaim(toStore(trx), [...claimed]);
    const taken = new Set(ours.map(({ id }) => id));
    const rest = next.filter(({ id }) => !taken.has(id)).map(({ id }) => id);
    if (rest.length > 0) {
      // The tables and pg-boss do not agree, or the map was wrong: all is read anew.
      await this.#held.giveBack(trx, rest);
      this.#map.doubt();
    }
    return next.filter(({ id }) => taken.has(id));
  }

  async start(jobs: readonly TakenJob[]): Promise<readonly TakenJob[]> {
    if (jobs.length === 0) return [];
    if (!this.mayBegin()) throw new Error('out of touch with the database');
    const [started, freed] = await transact(this.#ledger.db, async (own) => {
      const trx = toServer(own);
      const { isOurs } = this.#mine;
      const granted = await passGuard(this.#ledger, own, jobs, this.#ledger.now(), isOurs);
      const ids = new Set(granted.map(({ id }) => id));
      const refused = jobs.map(({ id }) => id).filter((id) => !ids.has(id));
      const mine = await this.#held.ofMine(trx, refused);
      const back = refused.filter((id) => mine.get(id)?.state === 'queued');
      if (back.length > 0) await this.#held.giveBack(trx, back);
      const over = refused.filter((id) => mine.get(id)?.state === 'settled');
      await this.#held.tear(trx, over);
      return [granted, refused.filter((id) => mine.get(id)?.state !== 'running')] as const;
    });
    // Not before it stands, and what an attempt gave back that was undone is held again.
    for (const id of freed) this.#held.delete(id);
    this.#held.add(started.map(({ id }) => id));
    // We may have stood still since: what is marked as running is not sent then.
    if (!this.mayBegin()) {
      this.#stop(
        started.map(({ id }) => id),
        'cut-off',
      );
    }
    this.#settings.outbox.announce();
    return started;
  }

  async settle(ended: readonly EndedJob[]): Promise<void> {
    if (ended.length === 0) return;
    await repeatDeadlocked(() => this.#settleIn(ended));
    for (const { job } of ended) this.#held.delete(job.id);
    this.#isIdle = false;
    this.#settings.outbox.announce();
    this.#announce();
  }

  #settleIn(ended: readonly EndedJob[]): Promise<void> {
    return transact(this.#ledger.db, async (own) => {
      const trx = toServer(own);
      const at = this.#ledger.now();
      // Never what another process has made of it.
      const settled = await settleJobs(this.#ledger, own, ended, 'running', at, this.#mine);
      const over = new Set(settled.flatMap(({ jobIds }) => jobIds));
      const rest = ended.filter(({ job }) => !over.has(job.id));
      const mine = await this.#held.ofMine(
        trx,
        rest.map(({ job }) => job.id),
      );
      const late = rest.filter(({ job }) => mine.get(job.id)?.kind === 'interrupted');
      await replaceUnknown(this.#ledger, own, late, at);
      // Every process finds what came of it in the tables.
      await moveOn(this.#ledger, own, settled, at);
      if (over.size > 0) await this.#running().drop([...over], own);
      const others = [...mine.values()].filter(({ state }) => state !== 'queued').map(({ id }) => id);
      await this.#held.tear(trx, others);
    });
  }

  async prepare(): Promise<() => void> {
    return () => this.forget();
  }

  forget(): void {
    this.#isIdle = false;
    this.#announce();
  }

  follow({ waiting }: RolloutChange): void {
    for (const runId of waiting) this.#batches.watch(runId);
    this.#settings.outbox.announce();
    this.forget();
  }

  waits(runIds: readonly string[]): Promise<ReadonlyMap<string, Waits>> {
    return this.#alone(async () => {
      await this.#map.sync(this.#db);
      return this.#map.waits(new Set(runIds));
    });
  }

  /** What was taken and has not started is for others to take at once. */
  async close(): Promise<void> {
    clearInterval(this.#look);
    this.#batches.close();
    await this.#contact.close();
    if (this.#engine === undefined) return;
    try {
      await this.#held.giveBackWaiting(this.#db);
      await this.#settings.replicas.leave();
    } catch (error) {
      this.#settings.log.warn({ err: error }, 'what was taken is given back when its lease is over');
    }
    await this.#engine.close();
  }

  /** Says that we and what we hold are there, and hears what is to end, and what is nobody's any more. */
  async #beat(): Promise<void> {
    const engine = this.#running();
    await this.#settings.replicas.beat();
    await engine.touch(this.#held.ids());
    await this.#hearWhatEnds();
    // Whoever ended the batch before may be gone.
    for (const runId of await listWaitingRuns(this.#settings.beats)) {
      if (!this.#batches.isWatching(runId)) this.#batches.watch(runId);
    }
    const back = await engine.claim(RECLAIMED_AT_ONCE);
    if (back.length === 0) return;
    await transact(this.#ledger.db, (trx) => this.#held.reclaim(trx, back));
    this.#settings.outbox.announce();
    this.#announce();
  }

  async #hearWhatEnds(): Promise<void> {
    const { gone, asked } = await this.#held.findEnding(this.#settings.beats);
    // Cancelled before they began, or given up by somebody: whichever, nothing of them is to go on here.
    this.#stop(gone, 'cut-off');
    for (const id of gone) this.#held.delete(id);
    this.#stop(asked, 'cancelled');
  }

  #stop(ids: readonly string[], why: Why): void {
    if (ids.length === 0) return;
    for (const listener of this.#stopListeners) listener(ids, why);
  }

  #announce(): void {
    for (const listener of this.#readyListeners) listener();
  }

  #running(): Engine {
    if (this.#engine === undefined) throw new Error('the queue was used before it was opened');
    return this.#engine;
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work, work);
    this.#turn = turn.catch(() => {});
    return turn;
  }
}
