import type { EndedJob, TakenJob } from '../../run/run.ts';
import type { Waits } from '../../run/waits.ts';
import type { Database } from '../database.ts';
import type { JobQueue } from '../job-queue.ts';
import type { Lanes } from '../lanes.ts';
import type { StoredOutbox } from '../outbox/outbox.ts';
import { settleInterrupted } from '../runs.ts';
import { finishRuns, type Ledger, settleJobs } from '../settle.ts';
import { passGuard } from '../start-guard.ts';
import { transact } from '../transact.ts';

/** The queue of one process: the order is in memory, the truth in the table. */
export class EmbeddedJobs implements JobQueue {
  readonly #ledger: Ledger;
  readonly #database: Pick<Database, 'trouble'>;
  readonly #lanes: Lanes;
  readonly #outbox: StoredOutbox;
  readonly #listeners: (() => void)[] = [];

  constructor(ledger: Ledger, lanes: Lanes, outbox: StoredOutbox, database: Pick<Database, 'trouble'>) {
    this.#ledger = ledger;
    this.#database = database;
    this.#lanes = lanes;
    this.#outbox = outbox;
  }

  /** Whoever asks to stop a job finds it in this process. */
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
    return interrupted;
  }

  async close(): Promise<void> {}

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
    await transact(db, async (trx) => {
      const at = now();
      const settled = await settleJobs(this.#ledger, trx, ended, 'running', at);
      await finishRuns(this.#ledger, trx, settled, at);
    });
    this.forget(ended.map(({ job }) => job.id));
    this.#outbox.announce();
  }

  async prepare(runId: string): Promise<() => void> {
    const { db, plans } = this.#ledger;
    const run = await db.selectFrom('run').select('id').where('id', '=', runId).executeTakeFirst();
    if (run === undefined) return () => {};
    const { fanOut, requester } = (await plans.find(db, runId)).plan;
    const waiting = await db
      .selectFrom('job')
      .select(['id', 'run_id as runId', 'host'])
      .where('run_id', '=', runId)
      .where('state', '=', 'queued')
      .orderBy('position')
      .execute();
    return () => {
      const person = `${requester.teamId} ${requester.userId}`;
      this.#lanes.add({ id: runId, person, fanOut }, waiting, performance.now());
      this.announce();
    };
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
