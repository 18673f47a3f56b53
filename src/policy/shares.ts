import { Refusal } from '../errors.ts';
import type { Plan } from '../run/plan.ts';
import { batchesOf } from '../run/rollout/batches.ts';

/** What one person may have of the bot, so that there is always some left for the others. */
export interface Shares {
  /** Jobs under way at once. */
  readonly slots: number;
  readonly runs: number;
  /** Jobs that have not begun, over all runs. */
  readonly waiting: number;
}

export const UNBOUNDED: Shares = {
  slots: Number.POSITIVE_INFINITY,
  runs: Number.POSITIVE_INFINITY,
  waiting: Number.POSITIVE_INFINITY,
};

/** What a person has already. */
export interface Unfinished {
  readonly runs: number;
  readonly waiting: number;
  readonly running: number;
}

/** A `Refusal` where this run would be more than its requester may have. */
export function checkShares(shares: Shares, { runs, waiting }: Unfinished, plan: Plan): void {
  if (runs >= shares.runs) {
    throw new Refusal('not-now', `You have ${runs} unfinished runs; one person may have ${shares.runs}.`, {
      remedy: `${MAKE_ROOM} The administrator sets the limit: BATCHOPS_PERSON_RUNS.`,
    });
  }
  const more = plan.targets.filter(({ skip }) => skip === undefined).length;
  if (waiting + more > shares.waiting) {
    const have = waiting === 0 ? '' : ` besides the ${waiting} that wait already`;
    throw new Refusal(
      'not-now',
      `This is ${more} hosts${have}; one person may have ${shares.waiting} waiting at once.`,
      {
        remedy: `${waiting === 0 ? 'Ask for fewer hosts at a time.' : MAKE_ROOM} The administrator sets the limit: BATCHOPS_PERSON_WAITING.`,
        about: 'hosts',
      },
    );
  }
}

/** What of this run would have to wait for its requester's other jobs, in a sentence; undefined where nothing would. */
export function foreseeWait({ slots }: Shares, { running }: Unfinished, plan: Plan): string | undefined {
  const atOnce = batchesOf(plan).reduce((most, { hosts }) => Math.max(most, hosts), 0);
  const room = Math.max(0, slots - running);
  if (Math.min(atOnce, plan.fanOut) <= room) return undefined;
  const have = running === 0 ? '' : `, and you have ${running} on it now`;
  return (
    `One person may have ${slots} jobs on the wire at once${have}: ` +
    `${room === 0 ? 'none' : `at most ${room}`} of these would start now, the others wait. ` +
    'The administrator sets the limit: BATCHOPS_PERSON_CONCURRENCY.'
  );
}

const MAKE_ROOM = 'Wait for one to end or cancel one: /batch queue lists them.';
