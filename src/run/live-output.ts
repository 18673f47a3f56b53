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
