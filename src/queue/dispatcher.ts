import type { JobSource } from '../ports/job-source.ts';
import { bareOutcome, type Outcome } from '../run/outcome.ts';
import type { EndedJob } from '../run/run.ts';
import { backoff } from '../time/backoff.ts';
import { breathe } from '../time/breathe.ts';
import { delay } from '../time/delay.ts';
import { within } from '../time/within.ts';
import type { Entry } from './entry.ts';
import { Line } from './line.ts';
import { Phases } from './phase.ts';
import { Starting, type StartingSettings } from './starting.ts';
import { ImpossibleStep } from './state.ts';
import { carryOut, type WireSettings } from './wire.ts';

export interface DispatcherSettings
  extends WireSettings,
    Pick<StartingSettings, 'approve' | 'refuse' | 'beforeStart'> {
  readonly jobs: JobSource;
  /** Jobs on the wire at once, over all runs. */
  readonly concurrency: number;
  /** How long an aborted job may take to say how it ended, and the store to note it, while the process stops. */
  readonly abortLimitMs?: number;
  /** What ends so soon after others were stored waits for its neighbours. */
  readonly storePauseMs?: number;
}

export interface Dispatcher {
  /** Stops what runs of these jobs; the rest of them the start guard will turn away. */
  cancel(jobs: readonly { readonly id: string }[]): void;
  /** The rules changed: what waits here is judged by today's. */
  judgeAgain(): void;
  /** Of the jobs that have a slot: on the wire, and before or behind it. */
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
 * It is over as soon as half of what is here has ended: so many at once are enough.
 */
const BUSY_PAUSE_MS = 10;
/**
 * Each transaction waits for the disk, and the whole process with it: where hosts end one after the other, those of so
 * long go together. The first after a pause waits for nobody, nor do those that are half of what is here.
 */
const STORE_PAUSE_MS = 10;
const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 5_000;
export const ABORT_LIMIT_MS = 5_000;

/**
 * Keeps `concurrency` jobs on the wire. It works in rounds, one at a time, and each round goes the same way:
 * store what ended, take as many jobs as there is room for, and of those to which p-queue gives a slot ask
 * whether their runs are still allowed, pass the start guard, hand to the wire. A round that did something is
 * followed by the next one after 10 ms, or as half of the jobs have ended; else the next one begins with `#wake`: a job ended, the source has
 * something to take, a slot or a verdict came, somebody cancelled or stopped. There is no polling. Outcomes do not
 * wait for a round: `#storeAtOnce`.
 */
class JobDispatcher implements Dispatcher {
  readonly #settings: DispatcherSettings;
  readonly #line: Line;
  readonly #starting: Starting;
  readonly #phase = new Phases();
  /** Resolved by `#wake`; replaced at the start of each round, so that no call in between is lost. */
  #woken = Promise.withResolvers<void>();
  /** Resolved by the end of the next round that begins; then replaced. */
  #beat = Promise.withResolvers<void>();
  /** Aborted by `stop`: ends the long pauses. */
  readonly #stopAsked = new AbortController();
  readonly #stopped = Promise.withResolvers<void>();
  /** Resolved as no more jobs than `#few` are left; replaced at the start of each pause. */
  #areFew = Promise.withResolvers<void>();
  #few = 0;
  /** When outcomes were last stored. */
  #storedAt = Number.NEGATIVE_INFINITY;
  /** Resolved as what has ended is to wait for no more; replaced as storing begins. */
  #isDue = Promise.withResolvers<void>();
  /** While outcomes are being stored. */
  #storing: Promise<boolean> | undefined;

  constructor(settings: DispatcherSettings) {
    this.#settings = settings;
    this.#line = new Line(settings.concurrency, () => this.#wake());
    this.#starting = new Starting(this.#line, {
      ...settings,
      isStopping: () => this.#phase.isStopping,
      onVerdict: () => this.#wake(),
    });
    settings.jobs.onReady(() => this.#wake());
    settings.jobs.onStop((jobIds, why) => this.#stopJobs(jobIds, why));
    this.#wake();
    // It rejects with a defect of ours only, and that is the process's to deal with.
    void this.#run();
  }

  cancel(jobs: readonly { readonly id: string }[]): void {
    this.#stopJobs(
      jobs.map(({ id }) => id),
      'cancelled',
    );
  }

  #stopJobs(jobIds: readonly string[], why: 'cancelled' | 'cut-off'): void {
    for (const id of jobIds) this.#line.find(id)?.abort.abort(why);
    this.#wake();
  }

  judgeAgain(): void {
    this.#starting.judgeAgain();
    this.#wake();
  }

  stats(): { readonly running: number; readonly waiting: number } {
    return {
      running: this.#line.in('running').length,
      waiting: this.#line.in('on-turn', 'doubtful', 'ended').length,
    };
  }

  isFailing(): boolean {
    return this.#phase.failures > 0;
  }

  beat(): Promise<void> {
    this.#wake();
    return this.#beat.promise;
  }

  async stop(graceMs: number): Promise<void> {
    const { abortLimitMs = ABORT_LIMIT_MS, log } = this.#settings;
    this.#phase.stop();
    this.#stopAsked.abort();
    this.#wake();
    await this.#stoppedWithin(graceMs);
    for (const entry of this.#line.all()) entry.abort.abort('interrupted');
    await this.#stoppedWithin(abortLimitMs);
    // Whoever did not even answer an abort has no say any more.
    for (const entry of this.#line.in('running')) {
      this.#end(entry, bareOutcome('interrupted', 'the bot was stopped, and the job did not stop with it'));
    }
    await this.#stoppedWithin(abortLimitMs);
    if (this.#line.size > 0)
      log.error({ jobs: this.#line.size }, 'stopped with outcomes that could not be stored');
    this.#beStopped();
  }

  #beStopped(): void {
    this.#phase.stopped();
    this.#stopped.resolve();
    this.#wake();
  }

  async #stoppedWithin(ms: number): Promise<void> {
    await within(this.#stopped.promise, { ms, late: () => {} });
  }

  #wake(): void {
    this.#woken.resolve();
  }

  async #run(): Promise<void> {
    for (;;) {
      await this.#woken.promise;
      if (this.#phase.kind === 'stopped') return;
      this.#woken = Promise.withResolvers();
      const beat = this.#beat;
      this.#beat = Promise.withResolvers();
      try {
        const didSomething = await this.#round();
        beat.resolve();
        this.#phase.succeeded();
        if (this.#phase.isStopping && this.#line.size === 0) return this.#beStopped();
        if (!didSomething) continue;
        await this.#pause();
        // What it did may be there to be stored, or leave room: nobody else would say so.
        this.#wake();
      } catch (error) {
        if (error instanceof ImpossibleStep) throw error;
        beat.resolve();
        await this.#afterFailure(error);
        this.#wake();
      }
    }
  }

  async #pause(): Promise<void> {
    this.#few = Math.floor(this.#line.size / 2);
    this.#areFew = Promise.withResolvers();
    await within(this.#areFew.promise, { ms: BUSY_PAUSE_MS, late: () => {} });
  }

  async #afterFailure(error: unknown): Promise<void> {
    const retryMs = backoff(this.#phase.failures, FIRST_RETRY_MS, LAST_RETRY_MS);
    this.#phase.failed();
    this.#settings.log.error(
      { err: error, retryMs, unstored: this.#line.in('ended').length },
      'the store failed; nothing starts until it works again',
    );
    // Somebody who waits for us to stop does not wait for the long pauses.
    if (this.#phase.isStopping) return this.#stoppedWithin(FIRST_RETRY_MS);
    await delay(retryMs, this.#stopAsked.signal);
  }

  /** Rejects where the store does, and then has lost nothing: whatever was not done is done by the next one. */
  async #round(): Promise<boolean> {
    const stored = await this.#store(true);
    if (this.#phase.isStopping) {
      for (const entry of this.#line.in('in-line', 'on-turn', 'doubtful')) this.#line.leave(entry);
      return stored;
    }
    await this.#line.dealt();
    const taken = await this.#take();
    await this.#line.dealt();
    const { didSomething, started } = await this.#starting.startOnTurn();
    for (const { entry, plan } of started) {
      void carryOut(this.#settings, entry, plan).then((outcome) => this.#end(entry, outcome));
    }
    return stored || taken || didSomething;
  }

  /** One at a time: whoever asks while outcomes are being stored waits for those. A round is not kept waiting for more. */
  #store(isHurried: boolean): Promise<boolean> {
    if (this.#storing === undefined) this.#isDue = Promise.withResolvers();
    if (isHurried) this.#isDue.resolve();
    this.#storing ??= this.#storeEnded().finally(() => {
      this.#storing = undefined;
    });
    return this.#storing;
  }

  async #awaitNeighbours(): Promise<void> {
    const { storePauseMs = STORE_PAUSE_MS } = this.#settings;
    const ms = this.#storedAt + storePauseMs - performance.now();
    const ended = this.#line.in('ended').length;
    if (ms <= 0 || ended === 0 || ended * 2 >= this.#line.size || this.#phase.isStopping) return;
    await within(this.#isDue.promise, { ms, late: () => {} });
  }

  /**
   * An outcome waits for no round, which may wait for its start guard, and hardly for a pause (`STORE_PAUSE_MS`): what
   * is not stored as the process dies is reported as `interrupted`. What ends while others are being stored is stored
   * next, together, so that a busy store is given few and large transactions. Where it fails, the rounds take over, with their pauses.
   */
  async #storeAtOnce(): Promise<void> {
    if (this.#storing !== undefined || this.#phase.failures > 0) return;
    try {
      while (await this.#store(false)) this.#wake();
    } catch {
      this.#wake();
    }
  }

  async #storeEnded(): Promise<boolean> {
    // What ends in the same turn goes along.
    await breathe();
    await this.#awaitNeighbours();
    const entries = this.#line.in('ended');
    const ended = entries.flatMap(({ job, state }): EndedJob[] =>
      state.kind === 'ended' ? [{ job, outcome: state.outcome }] : [],
    );
    if (ended.length === 0) return false;
    await this.#settings.jobs.settle(ended);
    this.#storedAt = performance.now();
    for (const entry of entries) this.#line.leave(entry);
    if (this.#line.size <= this.#few) this.#areFew.resolve();
    return true;
  }

  async #take(): Promise<boolean> {
    const room = this.#line.room();
    if (room <= 0) return false;
    const taken = await this.#settings.jobs.take(room);
    for (const job of taken) this.#line.join(job);
    return taken.length > 0;
  }

  /** The first outcome stands: an answer that comes after we gave up waiting for it has no effect. */
  #end(entry: Entry, outcome: Outcome): void {
    if (entry.state.kind !== 'running') return;
    entry.become({ kind: 'ended', outcome });
    void this.#storeAtOnce();
    this.#wake();
  }
}
