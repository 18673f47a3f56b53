/** The last of what a stream has said, while it goes on. Secrets are already masked. */
export interface LiveText {
  readonly text: string;
  /** All that came so far. */
  readonly totalBytes: number;
  /** There may be more before it. */
  readonly isCut: boolean;
  /** Not text (`isBinary`): a NUL, or more than a tenth not UTF-8, near its beginning. `text` is then empty. */
  readonly binary: boolean;
}

export const SILENT: LiveText = { text: '', totalBytes: 0, isCut: false, binary: false };

/** The last of what a command has said. */
export interface LiveOutput {
  readonly stdout: LiveText;
  readonly stderr: LiveText;
}

/** Asked whenever somebody looks; nothing is kept for it. */
export type LookAtOutput = () => LiveOutput;

/** How much of a copy is to move, and has moved. */
export interface Moved {
  readonly movedBytes: number;
  /** As far as that is known by now. */
  readonly totalBytes: number;
}

/**
 * How far a job that is on the wire has come:
 *
 * - `starting`: nothing of its work has begun on the host, as far as is known.
 * - `running`: its command has been sent; what it has said, where that was asked for.
 * - `copying`: files are on their way.
 * - `unanswered`: the process that runs it does not say.
 */
export type Sight =
  | { readonly phase: 'starting' }
  | { readonly phase: 'running'; readonly output?: LiveOutput }
  | ({ readonly phase: 'copying' } & Moved)
  | { readonly phase: 'unanswered' };
