/** What those jobs of a run wait for that may not start yet; each is counted once. */
export interface Waits {
  /** Others are on its host, or their person's own wait there and were asked for before. */
  readonly host: number;
  /** As many of the run are under way as its fan-out allows. */
  readonly fanOut: number;
  /** As many of the person's jobs are under way as one person may have. */
  readonly person: number;
  /** Nothing but a slot, in turn with others. */
  readonly slot: number;
  /** The first few of those that wait for their host, and the run that is before them there. */
  readonly behind: readonly Behind[];
}

export interface Behind {
  readonly host: string;
  readonly runId: string;
}
