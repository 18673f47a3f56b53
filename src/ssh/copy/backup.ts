import type { SftpSession } from '../sftp/session.ts';
import { Trouble } from '../trouble.ts';
import type { CopyRun } from './open-copy.ts';

/** What a replaced file is kept as: whoever finds it sees which run replaced it. */
export function backupName({ runId }: Pick<CopyRun, 'runId'>, path: string): string {
  return `${path}.${runId}~`;
}

/** Before the first byte, where it is known by then. */
export function checkCanKeep(sftp: SftpSession, path: string): void {
  if (sftp.knowsNoLinks) throw noSecondName(path, 'nothing was sent');
}

/**
 * Keeps the old file under its other name before the new one takes its place: as a second name of it, so that the first
 * is never without a file.
 */
export async function keepOld(sftp: SftpSession, path: string, backup: string): Promise<void> {
  if (!(await sftp.link(path, backup))) throw noSecondName(path, 'it was not replaced');
}

function noSecondName(path: string, soWhat: string): Trouble {
  return new Trouble(
    'transfer-failed',
    `-backup: the host gives no second name to ${path}, so ${soWhat}; ` +
      `keep it with /batch_run (cp -p), and put without -backup`,
  );
}
