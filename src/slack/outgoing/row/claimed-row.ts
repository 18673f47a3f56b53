import type { OutboxRow } from '../../../thread/row.ts';

/** A row that is ours for the time of its lease: it waits for its place, or is being sent. */
export interface ClaimedRow {
  readonly row: OutboxRow;
  /** By the poster's `clock`. */
  readonly claimedAt: number;
}

/**
 * Longer than a claimed row waits (`LONGEST_WAIT_MS`) and the calls that send it last together, so that nobody
 * else claims a row that is still being sent.
 */
export const LEASE_MS = 45_000;
const LONGEST_WAIT_MS = 10_000;

/** Whether a row whose sending would begin at `startsAt` has enough of its lease left; else it is given back. */
export function mayStillSend({ claimedAt }: ClaimedRow, startsAt: number): boolean {
  return startsAt <= claimedAt + LONGEST_WAIT_MS;
}
