import { randomUUID } from 'node:crypto';
import type { Approved } from '../policy/approved.ts';
import type { Log } from '../ports/log.ts';
import { bareOutcome, type Outcome } from '../run/outcome.ts';
import type { Plan } from '../run/plan.ts';
import type { TakenJob } from '../run/run.ts';
import type { Entry } from './entry.ts';

export interface WireSettings {
  /** Does the work. Gets a signal that is aborted with the reason `cancelled`, `interrupted` or `cut-off`. */
  readonly execute: (job: TakenJob, plan: Approved<Plan>, signal: AbortSignal) => Promise<Outcome>;
  readonly log: Log;
}

/** Carries out what has passed the start guard. Never rejects. */
export async function carryOut(
  { execute, log }: WireSettings,
  { job, abort }: Entry,
  plan: Approved<Plan>,
): Promise<Outcome> {
  const since = performance.now();
  if (abort.signal.aborted) {
    const kind = abort.signal.reason === 'cancelled' ? 'cancelled' : 'interrupted';
    return bareOutcome(kind, 'nothing was sent');
  }
  try {
    return await execute(job, plan, abort.signal);
  } catch (error) {
    // It has begun, and we know nothing else.
    const id = logDefect(log, error, { runId: job.runId, host: job.host });
    return bareOutcome('lost', `internal error, id ${id}`, Math.round(performance.now() - since));
  }
}

/** The id under which the log has it. */
export function logDefect(log: Log, error: unknown, where: object): string {
  const id = randomUUID().slice(0, 8);
  log.error({ err: error, id, ...where }, 'internal error');
  return id;
}
