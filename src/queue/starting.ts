import { NotKnownNow, Refusal } from '../errors.ts';
import type { Approved } from '../policy/approved.ts';
import type { JobSource } from '../ports/job-source.ts';
import type { Log } from '../ports/log.ts';
import { bareOutcome } from '../run/outcome.ts';
import type { Plan } from '../run/plan.ts';
import { Approvals, type Approve } from './approvals.ts';
import type { Entry } from './entry.ts';
import type { Line } from './line.ts';
import { logDefect } from './wire.ts';

export interface StartingSettings {
  readonly jobs: Pick<JobSource, 'start'>;
  readonly approve: Approve;
  /** The run's waiting jobs must not start: settles them as skipped. */
  readonly refuse: (runId: string, refusal: Refusal) => Promise<void>;
  /** Asked before jobs start: resolves where nothing speaks against it, having held what is not to start. */
  readonly beforeStart?: () => Promise<void>;
  readonly log: Log;
  readonly isStopping: () => boolean;
  readonly onVerdict: () => void;
}

/** Whoever has a slot may go: what of them is on the wire from now on, with the plan to carry out. */
export interface Started {
  readonly entry: Entry;
  readonly plan: Approved<Plan>;
}

/** The way from a slot to the wire: is the run still allowed, and does the start guard say yes? */
export class Starting {
  readonly #settings: StartingSettings;
  readonly #line: Line;
  readonly #approvals: Approvals;

  constructor(line: Line, settings: StartingSettings) {
    this.#settings = settings;
    this.#line = line;
    this.#approvals = new Approvals(settings.approve, settings.onVerdict);
  }

  /** The rules changed: what has not started is asked about anew. */
  judgeAgain(): void {
    this.#approvals.forget();
  }

  /** In one transaction for all that have a slot. Rejects where the store does, and then nothing was started. */
  async startOnTurn(): Promise<{ readonly didSomething: boolean; readonly started: readonly Started[] }> {
    const approved = new Map<Entry, Approved<Plan>>();
    let refused = false;
    const waiting = this.#line.in('on-turn', 'doubtful');
    for (const [runId, entries] of Map.groupBy(waiting, ({ job }) => job.runId)) {
      const verdict = this.#approvals.verdictOn(runId);
      if (verdict === 'asking') continue;
      if (verdict instanceof NotKnownNow) {
        this.#approvals.askAgain(runId);
        continue;
      }
      if (verdict instanceof Refusal || 'defect' in verdict) {
        const refusal = verdict instanceof Refusal ? verdict : this.#asRefusal(runId, verdict.defect);
        await this.#settings.refuse(runId, refusal);
        this.#dismiss(runId);
        refused = true;
      } else {
        for (const entry of entries) approved.set(entry, verdict);
      }
    }
    // Those that were cancelled while they waited go the same way: the guard knows.
    const granted = await this.#passGuard([...approved.keys()]);
    this.#approvals.keepOnly(new Set(this.#line.all().map(({ job }) => job.runId)));
    const started = granted.flatMap((entry) => {
      const plan = approved.get(entry);
      return plan === undefined ? [] : [{ entry, plan }];
    });
    return { didSomething: refused || approved.size > 0, started };
  }

  #dismiss(runId: string): void {
    for (const entry of this.#line.in('in-line', 'on-turn', 'doubtful')) {
      if (entry.job.runId !== runId) continue;
      // One that may be marked as running was not skipped with the others: nobody else would end it.
      if (entry.state.kind === 'doubtful') entry.become({ kind: 'ended', outcome: NOT_RECORDED });
      else this.#line.leave(entry);
    }
  }

  async #passGuard(entries: readonly Entry[]): Promise<readonly Entry[]> {
    if (entries.length === 0 || this.#settings.isStopping()) return [];
    await this.#settings.beforeStart?.();
    let granted: ReadonlySet<string>;
    try {
      const started = await this.#settings.jobs.start(entries.map(({ job }) => job));
      granted = new Set(started.map((job) => job.id));
    } catch (error) {
      for (const entry of entries) entry.become({ kind: 'doubtful' });
      throw error;
    }
    return entries.filter((entry) => {
      if (granted.has(entry.job.id)) {
        entry.become({ kind: 'running' });
        return true;
      }
      // The guard said no, or an earlier answer that said yes was lost on its way. In that case the job is
      // marked as running and nobody runs it; in the other one, it has an outcome and keeps it.
      if (entry.state.kind === 'doubtful') entry.become({ kind: 'ended', outcome: NOT_RECORDED });
      else this.#line.leave(entry);
      return false;
    });
  }

  #asRefusal(runId: string, defect: unknown): Refusal {
    const id = logDefect(this.#settings.log, defect, { runId });
    return new Refusal('not-now', `internal error, id ${id}; nothing was sent`);
  }
}

const NOT_RECORDED = bareOutcome('skipped', 'its start could not be recorded; nothing was sent');
