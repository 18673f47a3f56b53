import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import PQueue from 'p-queue';
import { Refusal } from '../errors.ts';
import type { Approved } from '../policy/approved.ts';
import type { EndedJob, JobSource, Log, TakenJob } from '../ports.ts';
import { bareOutcome, type Outcome } from '../run/outcome.ts';
import type { Plan } from '../run/plan.ts';
import { Approvals, type Approve } from './approvals.ts';

export interface DispatcherSettings {
  readonly jobs: JobSource;
  /** Jobs on the wire at once, over all runs. */
  readonly concurrency: number;
  /** Does the work. Gets a signal that is aborted with the reason `cancelled` or `interrupted`. */
  readonly execute: (job: TakenJob, plan: Approved<Plan>, signal: AbortSignal) => Promise<Outcome>;
  readonly approve: Approve;
  /** The run's waiting jobs must not start: settles them as skipped. */
  readonly refuse: (runId: string, refusal: Refusal) => Promise<void>;
  /** Asked before jobs start: resolves where nothing speaks against it, having held what is not to start. */
  readonly beforeStart?: () => Promise<void>;
  readonly log: Log;
  /** How long an aborted job may take to say how it ended, and the store to note it, while the process stops. */
  readonly abortLimitMs?: number;
}

export interface Dispatcher {
  /** Stops what runs of these jobs; the rest of them the start guard will turn away. */
  cancel(jobs: readonly { readonly id: string }[]): void;
  /** The rules changed: what waits here is judged by today's. */
  judgeAgain(): void;
  stats(): { readonly running: number; readonly waiting: number };
  /** The store failed last, and nothing starts until it works again. */
  isFailing(): boolean;
  /** Resolves once a round has come to its end, well or not: the loop that does the work is alive. */
  beat(): Promise<void>;
  /** Starts nothing more, waits `graceMs` for what runs, aborts the rest, and stores every outcome. */
  stop(graceMs: number): Promise<void>;
}

export function openDispatcher(settings: DispatcherSettings): Dispatcher {
  return new JobDispatcher(settings);
}

/**
 * What ends within this time is stored, and what follows is taken, together. Without the pause a busy queue
 * degenerates to one job a transaction, at a tenth of the speed (measured, facts/storage-queue.md section 6).
 */
const BUSY_PAUSE_MS = 10;
const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 5_000;
export const ABORT_LIMIT_MS = 5_000;

/**
 * Keeps `concurrency` jobs on the wire. It works in rounds, one at a time, and each round goes the same way:
 * store what ended, take as many jobs as there are free slots, ask whether their runs are still allowed, pass
 * the start guard, hand to the wire. What goes on between rounds is one of these:
 *
 * - `asleep`: nothing is known to do. Entered when a round found nothing. Ended by `#wake`: a job ended, the
 *   source has something to take, a verdict came, somebody cancelled or stopped. There is no polling.
 * - `pausing`: 10 ms after a round that did something. Ended by the clock.
 * - `retrying`: the store failed. Outcomes are kept here and nothing starts until it works again, because what
 *   cannot be recorded does not run. Ended by the clock, after 100 ms at first and 5 s at last.
 * - `stopping`: after `stop`. Rounds only store what ended. Ended when no slot is occupied.
 *
 * A job that is here occupies a slot, and is in one of these states:
 *
 * - `held`: taken, not started; its run's approval may be pending. Goes to `running` by the start guard, or
 *   leaves: the guard said no, the run was refused, or the process stops (it stays queued in the store).
 * - `running`: durably marked as such, on the wire. Goes to `ended` when `execute` answers, exactly once.
 * - `ended`: its outcome waits to be stored. Leaves when it is: only then is the slot free.
 */
class JobDispatcher implements Dispatcher {
  readonly #settings: DispatcherSettings;
  readonly #wire: PQueue;
  readonly #approvals: Approvals;
  /** Every job that occupies a slot, so never more than `concurrency`. */
  readonly #slots = new Map<string, Slot>();
  /** Resolved by `#wake`; replaced at the start of each round, so that no call in between is lost. */
  #woken = Promise.withResolvers<void>();
  /** Resolved by the end of the next round that begins; then replaced. */
  #beat = Promise.withResolvers<void>();
  /** Consecutive failures of the store. */
  #failures = 0;
  #isStopping = false;
  readonly #stopAsked = new AbortController();
  /** Resolved when `#isStopping` and no slot is occupied. */
  readonly #drained = Promise.withResolvers<void>();

  constructor(settings: DispatcherSettings) {
    this.#settings = settings;
    this.#wire = new PQueue({ concurrency: settings.concurrency });
    this.#approvals = new Approvals(settings.approve, () => this.#wake());
    settings.jobs.onReady(() => this.#wake());
    this.#wake();
    this.#run().catch((error: unknown) => settings.log.error({ err: error }, 'the dispatcher ended'));
  }

  cancel(jobs: readonly { readonly id: string }[]): void {
    for (const { id } of jobs) this.#slots.get(id)?.abort.abort('cancelled');
    this.#wake();
  }

  judgeAgain(): void {
    this.#approvals.forget();
    this.#wake();
  }

  stats(): { readonly running: number; readonly waiting: number } {
    const running = this.#inState('running').length;
    return { running, waiting: this.#slots.size - running };
  }

  isFailing(): boolean {
    return this.#failures > 0;
  }

  beat(): Promise<void> {
    this.#wake();
    return this.#beat.promise;
  }

  async stop(graceMs: number): Promise<void> {
    const { abortLimitMs = ABORT_LIMIT_MS, log } = this.#settings;
    this.#isStopping = true;
    this.#stopAsked.abort();
    this.#wake();
    await this.#drainedWithin(graceMs);
    for (const slot of this.#slots.values()) slot.abort.abort('interrupted');
    await this.#drainedWithin(abortLimitMs);
    // Whoever did not even answer an abort has no say any more.
    for (const slot of this.#inState('running')) {
      this.#end(slot, bareOutcome('interrupted', 'the bot was stopped, and the job did not stop with it'));
    }
    await this.#drainedWithin(abortLimitMs);
    if (this.#slots.size > 0) {
      log.error({ jobs: this.#slots.size }, 'stopped with outcomes that could not be stored');
    }
    this.#drained.resolve();
  }

  async #drainedWithin(ms: number): Promise<void> {
    const clock = new AbortController();
    const timer = setTimeout(ms, undefined, { signal: clock.signal }).catch(() => {});
    await Promise.race([this.#drained.promise, timer]);
    clock.abort();
  }

  /** Somebody who waits for us to stop does not wait for the long pauses. */
  async #waitToRetry(ms: number): Promise<void> {
    if (this.#isStopping) return this.#drainedWithin(FIRST_RETRY_MS);
    await setTimeout(ms, undefined, { signal: this.#stopAsked.signal }).catch(() => {});
  }

  #wake(): void {
    this.#woken.resolve();
  }

  async #run(): Promise<void> {
    let isOver = false;
    this.#drained.promise.then(() => {
      isOver = true;
      this.#wake();
    });
    while (!isOver) {
      await this.#woken.promise;
      this.#woken = Promise.withResolvers();
      const beat = this.#beat;
      this.#beat = Promise.withResolvers();
      try {
        const didSomething = await this.#round();
        this.#failures = 0;
        beat.resolve();
        if (this.#isStopping && this.#slots.size === 0) return this.#drained.resolve();
        if (didSomething) await setTimeout(BUSY_PAUSE_MS);
      } catch (error) {
        beat.resolve();
        const retryMs = Math.min(FIRST_RETRY_MS * 2 ** this.#failures++, LAST_RETRY_MS);
        this.#settings.log.error(
          { err: error, retryMs, unstored: this.#inState('ended').length },
          'the store failed; nothing starts until it works again',
        );
        await this.#waitToRetry(retryMs);
        this.#wake();
      }
    }
  }

  /** Rejects where the store does, and then has lost nothing: whatever was not done is done by the next one. */
  async #round(): Promise<boolean> {
    const stored = await this.#store();
    if (this.#isStopping) {
      for (const slot of this.#inState('held')) this.#slots.delete(slot.job.id);
      return stored;
    }
    const taken = await this.#take();
    const started = await this.#startHeld();
    this.#approvals.keepOnly(new Set(Array.from(this.#slots.values(), ({ job }) => job.runId)));
    return stored || taken || started;
  }

  async #store(): Promise<boolean> {
    const ended = this.#inState('ended').flatMap(({ job, outcome }): EndedJob[] =>
      outcome ? [{ job, outcome }] : [],
    );
    if (ended.length === 0) return false;
    await this.#settings.jobs.settle(ended);
    for (const { job } of ended) this.#slots.delete(job.id);
    return true;
  }

  async #take(): Promise<boolean> {
    const free = this.#settings.concurrency - this.#slots.size;
    if (free <= 0) return false;
    const taken = await this.#settings.jobs.take(free);
    for (const job of taken) {
      this.#slots.set(job.id, { job, state: 'held', abort: new AbortController(), isDoubtful: false });
    }
    return taken.length > 0;
  }

  async #startHeld(): Promise<boolean> {
    const approved = new Map<Slot, Approved<Plan>>();
    let refused = false;
    for (const [runId, slots] of Map.groupBy(this.#inState('held'), ({ job }) => job.runId)) {
      const verdict = this.#approvals.verdictOn(runId);
      if (verdict === 'asking') continue;
      if (verdict instanceof Refusal || 'defect' in verdict) {
        await this.#settings.refuse(
          runId,
          verdict instanceof Refusal ? verdict : this.#asRefusal(runId, verdict.defect),
        );
        for (const slot of slots) this.#slots.delete(slot.job.id);
        refused = true;
      } else {
        for (const slot of slots) approved.set(slot, verdict);
      }
    }
    // Those that were cancelled while they were held go the same way: the guard knows.
    const started = await this.#passGuard([...approved.keys()]);
    for (const slot of started) {
      const plan = approved.get(slot);
      if (plan !== undefined) this.#send(slot, plan);
    }
    return refused || approved.size > 0;
  }

  async #passGuard(slots: readonly Slot[]): Promise<readonly Slot[]> {
    if (slots.length === 0 || this.#isStopping) return [];
    await this.#settings.beforeStart?.();
    let granted: ReadonlySet<string>;
    try {
      const started = await this.#settings.jobs.start(slots.map(({ job }) => job));
      granted = new Set(started.map((job) => job.id));
    } catch (error) {
      for (const slot of slots) slot.isDoubtful = true;
      throw error;
    }
    return slots.filter((slot) => {
      if (granted.has(slot.job.id)) return true;
      // The guard said no, or an earlier answer that said yes was lost on its way. In that case the job is
      // marked as running and nobody runs it; in the other one, it has an outcome and keeps it.
      if (slot.isDoubtful)
        this.#end(slot, bareOutcome('skipped', 'its start could not be recorded; nothing was sent'));
      else this.#slots.delete(slot.job.id);
      return false;
    });
  }

  #send(slot: Slot, plan: Approved<Plan>): void {
    slot.state = 'running';
    this.#wire
      .add(() => this.#execute(slot, plan))
      .then((outcome) => this.#end(slot, outcome))
      .catch((error: unknown) => this.#settings.log.error({ err: error }, 'the wire dropped a job'));
  }

  async #execute({ job, abort }: Slot, plan: Approved<Plan>): Promise<Outcome> {
    const since = performance.now();
    if (abort.signal.aborted) {
      const kind = abort.signal.reason === 'cancelled' ? 'cancelled' : 'interrupted';
      return bareOutcome(kind, 'nothing was sent');
    }
    try {
      return await this.#settings.execute(job, plan, abort.signal);
    } catch (error) {
      // It has begun, and we know nothing else.
      const id = this.#logDefect(error, { runId: job.runId, host: job.host });
      return bareOutcome('lost', `internal error, id ${id}`, Math.round(performance.now() - since));
    }
  }

  /** The first outcome stands. */
  #end(slot: Slot, outcome: Outcome): void {
    if (slot.state === 'ended') return;
    slot.state = 'ended';
    slot.outcome = outcome;
    this.#wake();
  }

  #asRefusal(runId: string, defect: unknown): Refusal {
    return new Refusal(
      'not-now',
      `internal error, id ${this.#logDefect(defect, { runId })}; nothing was sent`,
    );
  }

  #logDefect(error: unknown, where: object): string {
    const id = randomUUID().slice(0, 8);
    this.#settings.log.error({ err: error, id, ...where }, 'internal error');
    return id;
  }

  #inState(state: Slot['state']): readonly Slot[] {
    return [...this.#slots.values()].filter((slot) => slot.state === state);
  }
}

interface Slot {
  readonly job: TakenJob;
  readonly abort: AbortController;
  state: 'held' | 'running' | 'ended';
  outcome?: Outcome;
  /** The store failed as this was to start: whether it is marked as running is not known. */
  isDoubtful: boolean;
}
