import { posix } from 'node:path';
import type { SftpSession } from '../sftp/session.ts';
import { Trouble } from '../trouble.ts';

/** A folder by its true name, and what of it is not there yet: parents first. */
export interface RemoteFolder {
  readonly path: string;
  readonly missing: readonly string[];
}

/** A folder that there is or, with `-mkdir`, that there can be: none is made here. */
export async function findFolder(sftp: SftpSession, path: string, mayMake: boolean): Promise<RemoteFolder> {
  const lacking: string[] = [];
  const whole = posix.isAbsolute(path) ? path : posix.join(await sftp.realpath('.'), path);
  for (let at = posix.resolve('/', whole); ; at = posix.dirname(at)) {
    const there = await sftp.stat(at);
    if (there?.kind === 'folder') {
      const trueName = await sftp.realpath(at);
      const missing = lacking.map((_, i) => posix.join(trueName, ...lacking.slice(0, i + 1)));
      return { path: missing.at(-1) ?? trueName, missing };
    }
    if (there) throw new Trouble('transfer-failed', `${at} is not a folder`);
    if (!mayMake || at === '/') {
      throw new Trouble(
        'transfer-failed',
        `there is no folder ${mayMake ? at : path} on the host${mayMake ? '' : '; -mkdir makes it'}`,
      );
    }
    lacking.unshift(posix.basename(at));
  }
}
