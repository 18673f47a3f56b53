/** A file of ours on a host that is not what anybody asked for: it is known before it is made, until it is gone. */
export interface Leftover {
  readonly host: string;
  /** Full, on the host. */
  readonly path: string;
  readonly runId: string;
  /**
   * Where a file that was there before belongs, while it steps aside for a new one; null for a file of our own
   * making, which nobody misses.
   */
  readonly belongsAt: string | null;
}
