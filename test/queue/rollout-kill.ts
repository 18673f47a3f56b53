import type { Rollout } from '../../src/command/rollout/parse.ts';

export const HOSTS = 40;
export const WAIT_MS = 400;
/** Batches of 1, 2, 8, 8, 8, 8 and 5 hosts. */
export const ROLLOUT: Rollout = {
  serial: [{ count: 1 }, { count: 2 }, { percent: 20 }],
  waitMs: WAIT_MS,
};
