import type { Kysely } from 'kysely';
import type { Log } from '../../ports/log.ts';
import { oweRoot } from '../../thread/layout.ts';
import { backoff } from '../../time/backoff.ts';
import { type Beat, measureAway } from '../../time/beat.ts';
import { Deadline } from '../../time/deadline.ts';
import { type Ledger, oweToThread } from '../jobs/settle.ts';
import type { Schema } from '../schema.ts';
import { transact } from '../transact.ts';
import { NO_CHANGE, openNext, type RolloutChange, withRun } from './steps.ts';

/** Looked at this often at least: a timer does not count while the machine sleeps, and the wait does. */
const LONGEST_LOOK_MS = 10_000;
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 30_000;

/** Milliseconds until its next batch may start; undefined where it does not wait (any more), and what came of it. */
interface Looked {
  readonly leftMs: number | undefined;
  readonly change: RolloutChange;
}

/**
 * Opens the next batch where the time between the two is over. Since when it runs the store says, and how long that
 * is, the clock that nobody can set; over a restart of the machine the wall clock, from one machine to another the server's.
 * Where that was set back, nothing tells, and the time begins anew.
 */
function openWhereDue(ledger: Ledger, runId: string): Promise<Looked> {
  return transact(ledger.db, async (trx) => {
    const row = await trx
      .selectFrom('rollout')
      .selectAll()
      .where('run_id', '=', runId)
      .where('phase', '=', 'waiting')
      .executeTakeFirst();
    const rollout = row && (await withRun(ledger, trx, row));
    if (rollout === undefined) return { leftMs: undefined, change: NO_CHANGE };
    const now = ledger.beat();
    const elapsedMs = measureAway(sinceOf(rollout), now);
    const waitMs = rollout.plan.rollout?.waitMs ?? 0;
    if (elapsedMs === undefined) {
      await trx
        .updateTable('rollout')
        .set({ since: now.at, since_boot: now.boot, since_uptime_ms: now.uptimeMs })
        .where('run_id', '=', runId)
        .execute();
      return { leftMs: waitMs, change: NO_CHANGE };
    }
    if (elapsedMs < waitMs) return { leftMs: waitMs - elapsedMs, change: NO_CHANGE };
    const change = await openNext(trx, rollout);
    await oweToThread(ledger, trx, runId, oweRoot(runId, ledger.now()));
    return { leftMs: undefined, change };
  });
}

function sinceOf({
  since,
  since_boot,
  since_uptime_ms,
}: {
  readonly since: number | null;
  readonly since_boot: string | null;
  readonly since_uptime_ms: number | null;
}): Beat {
  return { at: since ?? Number.MAX_SAFE_INTEGER, boot: since_boot ?? '', uptimeMs: since_uptime_ms ?? 0 };
}

/** Runs that are to go on in their time. */
export async function listWaitingRuns(db: Kysely<Schema>): Promise<readonly string[]> {
  const waiting = await db
    .selectFrom('rollout')
    .innerJoin('run', 'run.id', 'rollout.run_id')
    .select('run_id')
    .where('phase', '=', 'waiting')
    .where('run.state', '=', 'open')
    .execute();
  return waiting.map(({ run_id }) => run_id);
}

/** The runs of this process that wait for the time of their next batch. What they wait for is in the store. */
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
      const { leftMs, change } = await openWhereDue(this.#ledger, runId);
      if (leftMs !== undefined) return this.#plan(runId, leftMs, 0);
      this.#looks.delete(runId);
      this.#onChange(change);
    } catch (error) {
      if (this.#isClosed) return;
      const retryMs = backoff(failures, FIRST_RETRY_MS, LAST_RETRY_MS);
      this.#log.warn({ err: error, run: runId, retryMs }, 'the next batch of a run could not be let go');
      this.#plan(runId, retryMs, failures + 1);
    }
  }
}
