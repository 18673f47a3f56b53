import type { MovedFile } from '../../run/outcome.ts';
import type { Work } from '../../run/plan.ts';
import type { Connection } from '../connection/connection.ts';
import type { JailedFolder } from '../transfer-folder.ts';
import { Trouble } from '../trouble.ts';
import { formatSeconds, within } from '../within.ts';
import { getFile } from './get.ts';
import { putFile } from './put.ts';
import { SftpSession } from './sftp.ts';

/** How long removing our own temporary file may take, once everything else is over. */
const CLEAN_UP_MS = 5_000;

export interface CopyRun {
  readonly connection: Connection;
  readonly channelMs: number;
  readonly runId: string;
  /** The longest silence. */
  readonly silenceMs: number;
  readonly signal: AbortSignal;
  readonly maxFetchBytes: number;
  /** Whether the rules reach a file by its true name. */
  mayTouch(path: string): boolean;
}

export interface Copy extends CopyRun {
  readonly sftp: SftpSession;
  /** Removes a temporary file on the host, as far as that is possible. */
  cleanUp(part: string): Promise<void>;
}

/**
 * Copies one file. A `Trouble` where it did not come about: `unreachable` while the host was asked for nothing
 * yet, else what became of it, and the final name is untouched.
 */
export async function copyFile(
  run: CopyRun,
  folder: JailedFolder,
  work: Exclude<Work, { action: 'run' }>,
): Promise<MovedFile> {
  const sftp = await openSession(run, run.signal);
  const copy: Copy = {
    ...run,
    sftp,
    async cleanUp(part) {
      if (!run.connection.isOpen) return;
      // On a channel of its own: the other one may be what has failed.
      const fresh = new AbortController();
      const limit = setTimeout(() => fresh.abort('interrupted'), CLEAN_UP_MS);
      try {
        const session = await openSession(run, fresh.signal);
        await session.unlink(part).catch(() => {});
        session.end();
      } catch {
        // The host does not answer any more: the file stays, under its temporary name.
      } finally {
        clearTimeout(limit);
      }
    },
  };
  try {
    return work.action === 'put'
      ? await putFile(copy, folder, work)
      : await getFile(copy, folder, work, run.maxFetchBytes);
  } finally {
    sftp.end();
  }
}

async function openSession(run: CopyRun, signal: AbortSignal): Promise<SftpSession> {
  const sftp = await within(run.connection.sftp(), {
    ms: run.channelMs,
    late: () =>
      new Trouble('unreachable', `the host did not open SFTP within ${formatSeconds(run.channelMs)}`),
    signal,
    when: 'before anything was copied',
    discard: (late) => late.end(),
  });
  return new SftpSession(sftp, run.connection, run.silenceMs, signal);
}
