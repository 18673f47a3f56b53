import type { JobSource } from '../../ports/job-source.ts';
import type { EndedJob, TakenJob } from '../../run/run.ts';
import type { Waits } from '../../run/waits.ts';
import { oweProgress } from '../../thread/layout.ts';
import type { StoredOutbox } from '../outbox/outbox.ts';
import { inChunks } from '../pieces.ts';
import { finishRuns, type Ledger, oweToThread, settleJobs } from '../settle.ts';
import { transact } from '../transact.ts';
import type { Lanes } from './lanes.ts';
import type { OwnFile } from './own-file.ts';

/** The queue of one process: the order is in memory, the truth in the table. */
export class EmbeddedJobs implements JobSource {
  readonly #ledger: Ledger;
  readonly #file: OwnFile;
  readonly #lanes: Lanes;
  readonly #outbox: StoredOutbox;
  readonly #listeners: (() => void)[] = [];

  constructor(ledger: Ledger, lanes: Lanes, outbox: StoredOutbox, file: OwnFile) {
    this.#ledger = ledger;
    this.#file = file;
    this.#lanes = lanes;
    this.#outbox = outbox;
  }

  onReady(listener: () => void): void {
    this.#listeners.push(listener);
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
    const trouble = this.#file.trouble();
    if (trouble !== undefined) throw new Error(trouble);
    const { db, now } = this.#ledger;
    const started = await db.transaction().execute(async (trx) => {
      const at = now();
      const ids = new Set<string>();
      for (const chunk of inChunks(jobs)) {
        // The start guard. It answers once in a job's life, whatever crashes and whoever asks twice.
        const rows = await trx
          .updateTable('job')
          .set({ state: 'running', started_at: at })
          .where(
            'id',
            'in',
            chunk.map((job) => job.id),
          )
          .where('state', '=', 'queued')
          .where('run_id', 'in', (open) =>
            open
              .selectFrom('run')
              .select('id')
              .where('state', '=', 'open')
              .where('cancelled_at', 'is', null)
              .where('held', 'is', null)
              // Nobody could read what became of it.
              .where('channel_id', 'not in', (closed) => closed.selectFrom('place').select('channel_id')),
          )
          .returning('id')
          .execute();
        for (const { id } of rows) ids.add(id);
      }
      const granted = jobs.filter((job) => ids.delete(job.id));
      for (const runId of new Set(granted.map((job) => job.runId))) {
        await oweToThread(this.#ledger, trx, runId, oweProgress(runId, at));
      }
      return granted;
    });
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

  /**
   * For the store: reads what of a run waits. The call that comes back lets it join the queue: after the commit
   * that releases the run, when nothing may fail any more.
   */
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

  /** For the store, after a commit: these jobs are no longer to be handed out, and what waited for them may go. */
  forget(jobIds: readonly string[]): void {
    for (const id of jobIds) this.#lanes.remove(id);
    if (jobIds.length > 0) this.announce();
  }

  /** For the store. */
  waits(runIds: readonly string[]): ReadonlyMap<string, Waits> {
    return this.#lanes.waits(new Set(runIds));
  }

  announce(): void {
    for (const listener of this.#listeners) listener();
  }
}
