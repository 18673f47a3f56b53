import type { Kysely, Transaction } from 'kysely';
import type { Log } from '../../ports/log.ts';
import { ANSWER_WITHIN_MS, UNANSWERED } from '../../run/rollout/words.ts';
import { oweCanary, oweRoot } from '../../thread/layout.ts';
import { backoff } from '../../time/backoff.ts';
import { measureAway } from '../../time/beat.ts';
import { Deadline } from '../../time/deadline.ts';
import { finishRuns, type Ledger, oweToThread } from '../jobs/settle.ts';
import type { Schema } from '../schema.ts';
import { transact } from '../transact.ts';
import { sinceNow, sinceOf } from './since.ts';
import { NO_CHANGE, openNext, type RolloutChange, type StoredRollout, stop, withRun } from './steps.ts';

/** Looked at this often at least: a timer does not count while the machine sleeps, and the wait does. */
const LONGEST_LOOK_MS = 10_000;
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 30_000;

/** What is waited for, and what came of it. */
interface Looked {
  /** How long still; undefined where nothing is waited for (any more). */
  readonly leftMs: number | undefined;
  readonly change: RolloutChange;
}

/**
 * Opens the next batch where the time between the two is over, and gives up what nobody let go on in time. Since when
 * it runs the store says, and how long that is, the clock that nobody can set; over a restart of the machine the wall
 * clock, from one machine to another the server's. Where that was set back, nothing tells, and the time begins anew.
 */
async function moveWhereDue(ledger: Ledger, runId: string): Promise<Looked> {
  // Mostly nothing is due: that takes no turn to write.
  const seen = await findWait(ledger, ledger.db, runId);
  if (seen === undefined) return { leftMs: undefined, change: NO_CHANGE };
  if (seen.leftMs !== undefined && seen.leftMs > 0) return { leftMs: seen.leftMs, change: NO_CHANGE };
  return await transact(ledger.db, async (trx) => {
    const wait = await findWait(ledger, trx, runId);
    if (wait === undefined) return { leftMs: undefined, change: NO_CHANGE };
    const { rollout, waitMs, leftMs } = wait;
    const isPaused = rollout.phase === 'paused';
    const at = ledger.now();
    if (leftMs === undefined) {
      await trx.updateTable('rollout').set(sinceNow(ledger)).where('run_id', '=', runId).execute();
      await oweToThread(ledger, trx, runId, (isPaused ? oweCanary : oweRoot)(runId, at));
      return { leftMs: waitMs, change: NO_CHANGE };
    }
    if (leftMs > 0) return { leftMs, change: NO_CHANGE };
    if (isPaused) return { leftMs: undefined, change: await giveUp(ledger, trx, rollout, at) };
    const change = await openNext(trx, rollout);
    await oweToThread(ledger, trx, runId, oweRoot(runId, at));
    return { leftMs: undefined, change };
  });
}

/** `leftMs` is undefined where no clock tells. */
async function findWait(ledger: Ledger, db: Kysely<Schema>, runId: string) {
  const row = await db
    .selectFrom('rollout')
    .selectAll()
    .where('run_id', '=', runId)
    .where('phase', 'in', ['waiting', 'paused'])
    .executeTakeFirst();
  const rollout = row && (await withRun(ledger, db, row));
  if (rollout === undefined) return undefined;
  const waitMs = rollout.phase === 'paused' ? ANSWER_WITHIN_MS : (rollout.plan.rollout?.waitMs ?? 0);
  const elapsedMs = measureAway(sinceOf(rollout), ledger.beat());
  return { rollout, waitMs, leftMs: elapsedMs === undefined ? undefined : Math.max(0, waitMs - elapsedMs) };
}

/** Nobody said whether it goes on. */
async function giveUp(
  ledger: Ledger,
  trx: Transaction<Schema>,
  rollout: StoredRollout,
  at: number,
): Promise<RolloutChange> {
  const { run_id: runId } = rollout;
  const change = await stop(ledger, trx, rollout, UNANSWERED, at);
  if (change === undefined) return NO_CHANGE;
  await finishRuns(ledger, trx, [{ runId, failed: 0 }], at);
  await oweToThread(ledger, trx, runId, oweCanary(runId, at));
  return change;
}

/** Runs that are to go on, or to be given up, in their time. */
export async function listWaitingRuns(db: Kysely<Schema>): Promise<readonly string[]> {
  const waiting = await db
    .selectFrom('rollout')
    .innerJoin('run', 'run.id', 'rollout.run_id')
    .select('run_id')
    .where('phase', 'in', ['waiting', 'paused'])
    .where('run.state', '=', 'open')
    .execute();
  return waiting.map(({ run_id }) => run_id);
}

/** The runs of this process that wait for the time of their next batch, or for an answer. What they wait for is in the store. */
export class BatchWaits {
  readonly #ledger: Ledger;
  readonly #log: Log;
  readonly #onChange: (change: RolloutChange) => void;
  readonly #looks = new Map<string, Deadline>();
  #isClosed = false;

  constructor(ledger: Ledger, log: Log, onChange: (change: RolloutChange) => void) {
    this.#ledger = ledger;
    this.#log = log;
    this.#onChange = onChange;
  }

  /** Twice is once. */
  watch(runId: string): void {
    this.#plan(runId, 0, 0);
  }

  isWatching(runId: string): boolean {
    return this.#looks.has(runId);
  }

  close(): void {
    this.#isClosed = true;
    for (const look of this.#looks.values()) look.clear();
    this.#looks.clear();
  }

  #plan(runId: string, ms: number, failures: number): void {
    if (this.#isClosed) return;
    const look = this.#looks.get(runId) ?? new Deadline({ keepsProcess: false });
    this.#looks.set(runId, look);
    look.set(Math.min(ms, LONGEST_LOOK_MS), () => void this.#look(runId, failures));
  }

  async #look(runId: string, failures: number): Promise<void> {
    try {
      const { leftMs, change } = await moveWhereDue(this.#ledger, runId);
      if (leftMs !== undefined) return this.#plan(runId, leftMs, 0);
      this.#looks.delete(runId);
      this.#onChange(change);
    } catch (error) {
      if (this.#isClosed) return;
      const retryMs = backoff(failures, FIRST_RETRY_MS, LAST_RETRY_MS);
      this.#log.warn({ err: error, run: runId, retryMs }, 'whether a run goes on is looked at again');
      this.#plan(runId, retryMs, failures + 1);
    }
  }
}
