import type { Log } from '../../ports/log.ts';
import type { Plan } from '../../run/plan.ts';
import type { EndedJob, TakenJob } from '../../run/run.ts';
import type { Waits } from '../../run/waits.ts';
import type { Database } from '../database.ts';
import type { JobQueue } from '../jobs/job-queue.ts';
import type { Lanes } from '../jobs/lanes.ts';
import { type Ledger, settleJobs } from '../jobs/settle.ts';
import { passGuard } from '../jobs/start-guard.ts';
import type { StoredOutbox } from '../outbox/outbox.ts';
import { moveOn, type RolloutChange } from '../rollout/steps.ts';
import { listWaiting } from '../rollout/waiting.ts';
import { BatchWaits, listWaitingRuns } from '../rollout/waits.ts';
import { settleInterrupted } from '../runs/runs.ts';
import { transact } from '../transact.ts';

/** The queue of one process: the order is in memory, the truth in the table. */
export class EmbeddedJobs implements JobQueue {
  readonly #ledger: Ledger;
  readonly #database: Pick<Database, 'trouble'>;
  readonly #lanes: Lanes;
  readonly #outbox: StoredOutbox;
  readonly #waits: BatchWaits;
  readonly #listeners: (() => void)[] = [];

  constructor(
    ledger: Ledger,
    lanes: Lanes,
    outbox: StoredOutbox,
    database: Pick<Database, 'trouble'>,
    log: Log,
  ) {
    this.#ledger = ledger;
    this.#database = database;
    this.#lanes = lanes;
    this.#outbox = outbox;
    this.#waits = new BatchWaits(ledger, log, (change) => this.follow(change));
  }

  /** Whoever asks to stop a job finds it in this process. */
  /** The file is ours as long as we are there. */
  mayBegin(): boolean {
    return true;
  }

  onStop(): void {}

  onReady(listener: () => void): void {
    this.#listeners.push(listener);
  }

  async recover(): Promise<number> {
    const { db } = this.#ledger;
    const interrupted = await settleInterrupted(this.#ledger);
    // Whoever held these leases is gone: the lock says that this is the only process.
    await db.updateTable('outbox').set({ lease_until: 0 }).where('lease_until', '>', 0).execute();
    const released = await db
      .selectFrom('run')
      .select('id')
      .where('state', '=', 'open')
      .where('held', 'is', null)
      .orderBy('number')
      .execute();
    for (const { id } of released) (await this.prepare(id))();
    for (const runId of await listWaitingRuns(db)) this.#waits.watch(runId);
    return interrupted;
  }

  async close(): Promise<void> {
    this.#waits.close();
  }

  async take(n: number): Promise<readonly TakenJob[]> {
    const taken = this.#lanes.take(n);
    const now = performance.now();
    for (const { id } of taken)
      this.#ledger.meters.took('waits', 'all', now - (this.#lanes.addedAt(id) ?? now));
    return taken;
  }

  async start(jobs: readonly TakenJob[]): Promise<readonly TakenJob[]> {
    if (jobs.length === 0) return [];
    // What could not be found again afterwards does not start. The dispatcher asks again, and again.
    const trouble = this.#database.trouble();
    if (trouble !== undefined) throw new Error(trouble);
    const { db, now } = this.#ledger;
    const started = await db.transaction().execute((trx) => passGuard(this.#ledger, trx, jobs, now()));
    const granted = new Set(started);
    this.forget(jobs.filter((job) => !granted.has(job)).map((job) => job.id));
    this.#outbox.announce();
    return started;
  }

  async settle(ended: readonly EndedJob[]): Promise<void> {
    if (ended.length === 0) return;
    const { db, now } = this.#ledger;
    const change = await transact(db, async (trx) => {
      const at = now();
      const settled = await settleJobs(this.#ledger, trx, ended, 'running', at);
      return await moveOn(this.#ledger, trx, settled, at);
    });
    this.forget(ended.map(({ job }) => job.id));
    this.follow(change);
  }

  async prepare(runId: string): Promise<() => void> {
    const { db, plans } = this.#ledger;
    const run = await db.selectFrom('run').select('id').where('id', '=', runId).executeTakeFirst();
    if (run === undefined) return () => {};
    const { plan } = await plans.find(db, runId);
    const waiting = await listWaiting(db, runId);
    return () => {
      this.#queue(runId, plan, waiting);
      this.announce();
    };
  }

  #queue(runId: string, { requester, fanOut }: Plan, jobs: readonly TakenJob[]): void {
    const person = `${requester.teamId} ${requester.userId}`;
    this.#lanes.add({ id: runId, person, fanOut }, jobs, performance.now());
  }

  follow({ skipped, opened, waiting }: RolloutChange): void {
    this.forget(skipped);
    for (const { runId, plan, jobs } of opened) this.#queue(runId, plan, jobs);
    for (const runId of waiting) this.#waits.watch(runId);
    if (opened.length > 0) this.announce();
    this.#outbox.announce();
  }

  forget(jobIds: readonly string[]): void {
    for (const id of jobIds) this.#lanes.remove(id);
    if (jobIds.length > 0) this.announce();
  }

  async waits(runIds: readonly string[]): Promise<ReadonlyMap<string, Waits>> {
    return this.#lanes.waits(new Set(runIds));
  }

  announce(): void {
    for (const listener of this.#listeners) listener();
  }
}
