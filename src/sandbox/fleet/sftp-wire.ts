import { constants, type Stats } from 'node:fs';
import { lstat, realpath } from 'node:fs/promises';
import { basename, dirname, join, posix, sep } from 'node:path';
import ssh2, { type Attributes, type FileEntry } from 'ssh2';
import { HOME, type HostFolder } from './host-folder.ts';

const { STATUS_CODE, OPEN_MODE } = ssh2.utils.sftp;

export class SftpError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/**
 * The host's name of a file → this machine's. `follow` is for what a link points to, `entry` for the link (or
 * the name still free) itself. Refuses whatever lies, after all links, outside the host's folder.
 */
export async function resolvePath(host: HostFolder, path: string, how: 'follow' | 'entry'): Promise<string> {
  const root = await realpath(host.root);
  const wanted = join(root, posix.resolve(HOME, path));
  if (wanted === root) return root;
  const entry = join(await realpath(dirname(wanted)), basename(wanted));
  const real = how === 'follow' ? await followLinks(entry) : entry;
  for (const each of [entry, real]) {
    if (each !== root && !each.startsWith(root + sep)) {
      throw new SftpError(STATUS_CODE.PERMISSION_DENIED, `${path} leads out of ${host.name}`);
    }
  }
  return real;
}

async function followLinks(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    // A free name may be created; a link to nowhere may not: opening it would create what it points to.
    if ((await lstat(path).catch(() => undefined)) !== undefined) throw error;
    return path;
  }
}

/** SSH_FXF_* → O_*. */
export function parseOpenFlags(flags: number): number {
  const { READ, WRITE, APPEND, CREAT, TRUNC, EXCL } = OPEN_MODE;
  const has = (bit: number): boolean => (flags & bit) !== 0;
  let result = has(WRITE) ? (has(READ) ? constants.O_RDWR : constants.O_WRONLY) : constants.O_RDONLY;
  if (has(APPEND)) result |= constants.O_APPEND;
  if (has(CREAT)) result |= constants.O_CREAT;
  if (has(TRUNC)) result |= constants.O_TRUNC;
  if (has(EXCL)) result |= constants.O_EXCL;
  return result;
}

/** SFTP's strings, one after the other: length as uint32, then the bytes. */
export function parseStrings(data: Buffer): string[] {
  const strings: string[] = [];
  for (let at = 0; at + 4 <= data.length; ) {
    const length = data.readUInt32BE(at);
    strings.push(data.toString('utf8', at + 4, at + 4 + length));
    at += 4 + length;
  }
  return strings;
}

export function formatAttributes(stats: Stats): Attributes {
  return {
    mode: stats.mode,
    uid: stats.uid,
    gid: stats.gid,
    size: stats.size,
    atime: Math.floor(stats.atimeMs / 1000),
    mtime: Math.floor(stats.mtimeMs / 1000),
  };
}

interface Changeable {
  chmod(mode: number): Promise<void>;
  chown(uid: number, gid: number): Promise<void>;
  truncate(size: number): Promise<void>;
  utimes(atime: number, mtime: number): Promise<void>;
}

/** Only what the client sent is there; the size first, so that the times it asks for are the last word. */
export async function applyAttributes(wanted: Partial<Attributes>, file: Changeable): Promise<void> {
  if (wanted.size !== undefined) await file.truncate(wanted.size);
  if (wanted.uid !== undefined && wanted.gid !== undefined) await file.chown(wanted.uid, wanted.gid);
  if (wanted.mode !== undefined) await file.chmod(wanted.mode & 0o7777);
  if (wanted.atime !== undefined && wanted.mtime !== undefined) {
    await file.utimes(wanted.atime, wanted.mtime);
  }
}

/** A name alone, as REALPATH and READLINK answer it. */
export function formatName(filename: string): FileEntry {
  return { filename, longname: filename, attrs: { mode: 0, uid: 0, gid: 0, size: 0, atime: 0, mtime: 0 } };
}

export async function describeEntry(folder: string, filename: string): Promise<FileEntry> {
  const stats = await lstat(join(folder, filename));
  const kind = stats.isDirectory() ? 'd' : stats.isSymbolicLink() ? 'l' : '-';
  const rights = ['x', 'w', 'r'];
  let letters = '';
  for (let bit = 8; bit >= 0; bit -= 1) letters += (stats.mode >> bit) & 1 ? rights[bit % 3] : '-';
  const time = stats.mtime.toISOString().slice(0, 16).replace('T', ' ');
  const size = String(stats.size).padStart(8);
  const longname = `${kind}${letters} ${stats.nlink} ${stats.uid} ${stats.gid} ${size} ${time} ${filename}`;
  return { filename, longname, attrs: formatAttributes(stats) };
}

export function describeError(error: unknown): { readonly status: number; readonly message: string } {
  if (error instanceof SftpError) return { status: error.status, message: error.message };
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return { status: STATUS_CODE.NO_SUCH_FILE, message: 'No such file or directory' };
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return { status: STATUS_CODE.PERMISSION_DENIED, message: 'Permission denied' };
  }
  return { status: STATUS_CODE.FAILURE, message: code };
}
