/** A moment, by the wall clock and by one that nobody can set. */
export interface Beat {
  /** Epoch ms. */
  readonly at: number;
  /** Which start of the machine; empty where it does not tell. */
  readonly boot: string;
  /** Since that start, sleep included. */
  readonly uptimeMs: number;
}

/**
 * Milliseconds from one moment to another; undefined where that cannot be told. Within one start of the machine
 * the clock that nobody can set decides; over a restart of it only the wall clock is left, and one that was set
 * back tells nothing.
 */
export function measureAway(from: Beat, to: Beat): number | undefined {
  const isSameBoot = from.boot !== '' && from.boot === to.boot;
  const ms = isSameBoot ? to.uptimeMs - from.uptimeMs : to.at - from.at;
  return ms >= 0 ? ms : undefined;
}
