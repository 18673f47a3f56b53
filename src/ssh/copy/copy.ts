import type { Leftover } from '../../ports.ts';
import type { MovedFile } from '../../run/outcome.ts';
import type { Work } from '../../run/plan.ts';
import type { Connection } from '../connection/connection.ts';
import type { LeftoverFiles } from '../part/leftovers.ts';
import type { CopyLimits } from '../sftp/limits.ts';
import { openSession } from '../sftp/open-session.ts';
import type { SftpSession } from '../sftp/session.ts';
import type { JailedFolder } from '../transfer-folder.ts';
import { getFile } from './get.ts';
import { putFile } from './put.ts';

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
  readonly maxFetchBytes: number;
  readonly leftovers: LeftoverFiles;
  /** Whether the rules reach a file by its true name. */
  mayTouch(path: string): boolean;
}

export interface Copy extends CopyRun {
  readonly sftp: SftpSession;
  leftover(path: string, belongsAt: string | null): Leftover;
}

/** A file that is in its place. */
export interface Copied {
  readonly file: MovedFile;
  /** In words, what else was to be done and did not come about. */
  readonly notes: readonly string[];
}

/**
 * Copies one file. A `Trouble` where it did not come about, or a `Refusal` of the transfer folder: then the final
 * name is untouched. What it leaves on the host is noted, for whoever has the connection to remove.
 */
export async function copyFile(
  run: CopyRun,
  folder: JailedFolder,
  work: Exclude<Work, { action: 'run' }>,
): Promise<Copied> {
  const sftp = await openSession(run, run.channelMs);
  const copy: Copy = {
    ...run,
    sftp,
    leftover: (path, belongsAt) => ({ host: run.connection.host.name, path, runId: run.runId, belongsAt }),
  };
  try {
    return work.action === 'put'
      ? await putFile(copy, folder, work)
      : await getFile(copy, folder, work, run.maxFetchBytes);
  } finally {
    sftp.end();
  }
}
