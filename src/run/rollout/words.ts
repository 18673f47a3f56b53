import { outcomeWords } from '../outcome.ts';
import type { Plan } from '../plan.ts';
import { type Progress, settledInOrder } from '../run.ts';
import { countGoing, failuresAllowed } from './batches.ts';

/** So long an answer is waited for: what waits counts in its person's share, and nobody may ever come back to it. */
export const ANSWER_WITHIN_HOURS = 24;
export const ANSWER_WITHIN_MS = ANSWER_WITHIN_HOURS * 3_600_000;

/** Why what waited behind a canary is not started. */
export const UNANSWERED = `the canary was not answered within ${ANSWER_WITHIN_HOURS} h`;

/** Why what waits does not start by itself: `the canary has ended: 1 ok, 1 failed`. */
export function describeCanary(settled: Progress['settled']): string {
  const ends = settledInOrder({ queued: 0, running: 0, settled }).map(
    ([kind, count]) => `${count} ${outcomeWords(kind)}`,
  );
  return `the canary has ended: ${ends.join(', ')}`;
}

/** Why what waited is not started: `too many failures: 3 of 20 hosts did not end ok; at most 2 may (-maxfail 10%)`. */
export function describeLimit(plan: Plan, failures: number): string {
  const most = plan.rollout?.maxFail;
  const allowed = failuresAllowed(plan) ?? 0;
  const typed = most === undefined ? '' : ` (-maxfail ${'count' in most ? most.count : `${most.percent}%`})`;
  const hosts = countGoing(plan);
  return (
    `too many failures: ${failures} of ${hosts} ${hosts === 1 ? 'host' : 'hosts'} did not end ok; ` +
    `${allowed === 0 ? 'none' : `at most ${allowed}`} may${typed}`
  );
}
