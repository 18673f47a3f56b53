import type { CopyProgress } from '../run/copy-progress.ts';
import type { Sight } from '../run/live-output.ts';

/** The jobs of a run that are on the wire now. */
export interface RunSights {
  /** By host, without what they say. */
  readonly hosts: ReadonlyMap<string, Sight>;
  /** Undefined where no copy has been under way for a moment. */
  readonly copies: CopyProgress | undefined;
  /** A process that runs some of them did not say. */
  readonly isPartial: boolean;
}

/** What is to be seen of jobs that run, in whichever process; secrets are masked. Answers soon, and never rejects. */
export interface Sights {
  /** With the last of what it has said; undefined where it is not on the wire (any more). */
  ofHost(runId: string, host: string): Promise<Sight | undefined>;
  ofRun(runId: string): Promise<RunSights>;
}
