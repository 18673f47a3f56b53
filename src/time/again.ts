import { backoff } from './backoff.ts';
import { Deadline } from './deadline.ts';

const FIRST_MS = 1_000;
const LONGEST_MS = 60_000;

/**
 * Does later what could not be done now: in a second, then after twice as long each time, up to a minute, until it
 * succeeds. Keeps no process: what is to be done all the same then is for its next start to find.
 */
export function tryAgain(task: () => Promise<void>, onFailure: (error: unknown) => void): void {
  const next = new Deadline({ keepsProcess: false });
  const plan = (failures: number): void =>
    next.set(backoff(failures, FIRST_MS, LONGEST_MS), () => {
      task().catch((error: unknown) => {
        onFailure(error);
        plan(failures + 1);
      });
    });
  plan(0);
}
