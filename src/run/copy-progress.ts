/** How far the copies of a run have come that are on the wire now. */
export interface CopyProgress {
  readonly movedBytes: number;
  /** Of those that know by now how much it is. */
  readonly totalBytes: number;
  readonly bytesPerSecond: number;
  /** Hosts that something is copied to or from. */
  readonly hosts: number;
}

/** What one copy tells of itself. */
export interface CopyMeter {
  /** So much is to move; in sum over all calls. */
  expect(bytes: number): void;
  moved(bytes: number): void;
}

/** For whoever does not look. */
export const UNMETERED: CopyMeter = { expect() {}, moved() {} };
