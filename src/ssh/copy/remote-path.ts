import { posix } from 'node:path';
import type { RequestedCopy } from '../../run/plan.ts';
import type { RemoteStat } from '../sftp/answers.ts';
import type { SftpSession } from '../sftp/session.ts';
import { findFolder, type RemoteFolder } from '../tree/remote-folders.ts';
import { Trouble } from '../trouble.ts';
import type { Copy } from './open-copy.ts';

/** SFTP knows no `~`: it is the folder that a session begins in (facts: feature 17). */
export async function expandHome(sftp: SftpSession, remote: string): Promise<string> {
  if (remote === '' || remote.includes('\0'))
    throw new Trouble('transfer-failed', 'the remote name is empty');
  if (remote === '~' || remote.startsWith('~/')) {
    return posix.join(await sftp.realpath('.'), remote.slice(1));
  }
  if (remote.startsWith('~')) {
    throw new Trouble('transfer-failed', `${remote}: write the full path, only ~/ is understood`);
  }
  return remote;
}

/** What is asked of a put. */
export type PutWords = Pick<RequestedCopy, 'local' | 'remote' | 'options'>;

/** Where a file goes, and what it takes the place of. */
export interface PutTarget {
  readonly folder: string;
  /** Of it, what is to be made first. */
  readonly missing: readonly string[];
  /** Below the folder's true name. */
  readonly path: string;
  readonly old: RemoteStat | undefined;
}

/**
 * Where a file goes that is put to `remote`: into it where it is a folder or ends in a slash, else to that
 * very name. The folder must be there, or `-mkdir` have been asked for: a mistyped path does not make one.
 */
export async function resolvePutTarget(copy: Copy, { remote, local, options }: PutWords): Promise<PutTarget> {
  const { sftp } = copy;
  const path = await expandHome(sftp, remote);
  const there = await sftp.stat(path);
  const isInto = path.endsWith('/') || there?.kind === 'folder';
  const folderPath = isInto ? path : posix.dirname(path);
  const name = isInto ? posix.basename(local) : posix.basename(path);
  const folder = isInto ? there : await sftp.stat(folderPath);
  if (!folder && options?.makeFolders === true) {
    if (name === '' || name === '.' || name === '..') throw noName(remote);
    const made = await findFolder(sftp, folderPath, true);
    return await targetIn(sftp, made, name);
  }
  if (!folder)
    throw new Trouble('transfer-failed', `there is no folder ${folderPath} on the host; -mkdir makes it`);
  if (folder.kind !== 'folder') throw new Trouble('transfer-failed', `${folderPath} is not a folder`);
  if (name === '' || name === '.' || name === '..') throw noName(remote);
  return await targetIn(sftp, { path: await sftp.realpath(folderPath), missing: [] }, name);
}

/** Also below a folder that was to be made and is there: `/new/../etc` leads past what there is not to what there is. */
async function targetIn(
  sftp: SftpSession,
  { path: folder, missing }: RemoteFolder,
  name: string,
): Promise<PutTarget> {
  const target = posix.join(folder, name);
  const found = missing.length === 0 ? await sftp.lstat(target) : undefined;
  if (found?.kind === 'folder') throw new Trouble('transfer-failed', `${target} is a folder`);
  if (found?.kind === 'link') {
    // Replacing it would leave what it points to as it is; writing through it would go where no rule looked.
    throw new Trouble('transfer-failed', `${target} is a symbolic link; name the file that it leads to`);
  }
  if (found && found.kind !== 'file') throw new Trouble('transfer-failed', `${target} is not a regular file`);
  return { folder, missing, path: target, old: found };
}

function noName(remote: string): Trouble {
  return new Trouble('transfer-failed', `${remote} names no file`);
}

/** Stops where the rules do not reach the file that is really meant. */
export function checkTrueName(path: string, typed: string, mayTouch: (path: string) => boolean): void {
  if (mayTouch(path)) return;
  throw new Trouble(
    'transfer-failed',
    `${typed} leads to ${path} on the host, where your rules do not reach; nothing was touched`,
  );
}

/** The last part of a remote path, as a name that can only lie in the folder it is put in. */
export function fetchedName(remote: string): string {
  const name = posix.basename(remote);
  if (name === '' || name === '.' || name === '..') {
    throw new Trouble(
      'transfer-failed',
      `${JSON.stringify(remote)} ends in no name that a file could have here`,
    );
  }
  if (name.includes('\\')) {
    throw new Trouble(
      'transfer-failed',
      `${remote}: a file with a backslash in its name is not kept here, since that parts folders on other systems; ` +
        'copy it to another name on the host first, and fetch that',
    );
  }
  if (/[\u0000-\u001f\u007f]/.test(name)) {
    throw new Trouble(
      'transfer-failed',
      `${JSON.stringify(remote)}: a file with a control character in its name is not kept here; ` +
        'copy it to another name on the host first, and fetch that',
    );
  }
  return name;
}

/** Stops where the rules do not reach a folder that is to be made. */
export function checkMissing(
  { mayTouch }: Pick<Copy, 'mayTouch'>,
  typed: string,
  { missing }: Pick<RemoteFolder, 'missing'>,
): void {
  for (const path of missing) checkTrueName(path, typed, mayTouch);
}

export async function makeMissing(
  { sftp }: Pick<Copy, 'sftp'>,
  { missing }: Pick<RemoteFolder, 'missing'>,
): Promise<void> {
  for (const path of missing) await sftp.makeFolder(path);
}
