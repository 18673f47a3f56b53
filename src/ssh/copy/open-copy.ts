import type { CopyMeter } from '../../run/copy-progress.ts';
import type { Leftover } from '../../run/leftover.ts';
import type { MovedFile } from '../../run/outcome.ts';
import type { Work } from '../../run/plan.ts';
import type { Connection } from '../connection/connection.ts';
import type { Window } from '../flow/pump.ts';
import type { SharedSources } from '../flow/shared-source.ts';
import type { Windows } from '../flow/window.ts';
import type { LeftoverFiles } from '../part/leftovers.ts';
import type { CopyLimits } from '../sftp/limits.ts';
import { openSession } from '../sftp/open-session.ts';
import type { SftpSession } from '../sftp/session.ts';

export interface CopyRun {
  readonly connection: Connection;
  readonly channelMs: number;
  readonly runId: string;
  /** Whose run it is. */
  readonly by: string;
  /** The longest silence. */
  readonly silenceMs: number;
  readonly limits: CopyLimits;
  readonly signal: AbortSignal;
  /** Asked right before a file gets its name on the host; false: it gets none. */
  readonly mayBegin?: () => boolean;
  readonly maxFetchBytes: number;
  readonly leftovers: LeftoverFiles;
  readonly sources: SharedSources;
  readonly windows: Windows;
  readonly meter: CopyMeter;
  /** Whether the rules reach a file by its true name. */
  mayTouch(path: string): boolean;
}

export interface Copy extends CopyRun {
  readonly sftp: SftpSession;
  /** How much of it may be under way. */
  readonly window: Window;
  end(): void;
  leftover(path: string, belongsAt: string | null): Leftover;
}

/** To be ended by whoever opens it. */
export async function openCopy(run: CopyRun): Promise<Copy> {
  const sftp = await openSession(run, run.channelMs);
  const { window, close } = run.windows.open();
  return {
    ...run,
    sftp,
    window,
    end() {
      close();
      sftp.end();
    },
    leftover: (path, belongsAt) => ({ host: run.connection.host.name, path, runId: run.runId, belongsAt }),
  };
}

/** A file that is in its place. */
export interface Copied {
  readonly file: MovedFile;
  /** In words, what else was to be done and did not come about. */
  readonly notes: readonly string[];
}

export type PutWork = Extract<Work, { action: 'put' }>;
export type GetWork = Extract<Work, { action: 'get' }>;
