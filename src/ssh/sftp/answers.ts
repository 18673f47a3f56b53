import { MAX_HANDLE_BYTES, MAX_PATH_BYTES } from './limits.ts';

export type FileKind = 'file' | 'folder' | 'link' | 'other';

export interface RemoteStat {
  readonly kind: FileKind;
  readonly bytes: number;
  readonly mtime: number;
  /** Permission and setuid bits; undefined where the host tells none. */
  readonly mode: number | undefined;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
}

// What the host answered as what was asked for; undefined where it is something else, whatever the library's types
// say: it hands on an answer to another question as it comes.

export function toHandle(answer: unknown): Buffer | undefined {
  return Buffer.isBuffer(answer) && answer.length > 0 && answer.length <= MAX_HANDLE_BYTES
    ? answer
    : undefined;
}

export function toCount(answer: unknown, most: number): number | undefined {
  return typeof answer === 'number' && Number.isInteger(answer) && answer >= 0 && answer <= most
    ? answer
    : undefined;
}

export function toPath(answer: unknown): string | undefined {
  if (typeof answer !== 'string' || answer === '' || answer.includes('\0')) return undefined;
  return Buffer.byteLength(answer) <= MAX_PATH_BYTES ? answer : undefined;
}

/** One of a folder. The name is the host's: it may hold anything. */
export interface RemoteEntry {
  readonly name: string;
  readonly stat: RemoteStat;
}

/** Of one answer, which is no larger than a packet. */
export function toEntries(answer: unknown): readonly RemoteEntry[] | undefined {
  if (!Array.isArray(answer)) return undefined;
  const entries: RemoteEntry[] = [];
  for (const one of answer) {
    const name: unknown = one?.filename;
    const stat = toRemoteStat(one?.attrs);
    if (typeof name !== 'string' || stat === undefined) return undefined;
    entries.push({ name, stat });
  }
  return entries;
}

/** What may still be put on a disk. */
export interface RemoteSpace {
  readonly bytes: number;
  /** It takes bytes, and no file more: its inodes are used up. Some disks have none to count. */
  readonly takesNoFile: boolean;
}

/** Of statvfs@openssh.com: PROTOCOL of OpenSSH, section 4.2. */
export function toFreeSpace(answer: unknown): RemoteSpace | undefined {
  if (typeof answer !== 'object' || answer === null) return undefined;
  if (!('f_bavail' in answer) || !('f_frsize' in answer)) return undefined;
  const bytes = Number(answer.f_bavail) * Number(answer.f_frsize);
  if (!Number.isFinite(bytes) || bytes < 0) return undefined;
  const counts = 'f_files' in answer && Number(answer.f_files) > 0;
  return { bytes, takesNoFile: counts && 'f_favail' in answer && Number(answer.f_favail) === 0 };
}

/** S_IFMT and the kinds of stat(2): a host may tell no kind at all. */
const KIND_BITS = 0o170000;
const KINDS: ReadonlyMap<number, FileKind> = new Map([
  [0o100000, 'file'],
  [0o040000, 'folder'],
  [0o120000, 'link'],
  [0, 'file'],
]);

export function toRemoteStat(answer: unknown): RemoteStat | undefined {
  if (typeof answer !== 'object' || answer === null || Buffer.isBuffer(answer) || Array.isArray(answer)) {
    return undefined;
  }
  const told = (name: string): number | undefined => {
    const value: unknown = Reflect.get(answer, name);
    return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
  };
  const mode = told('mode');
  return {
    kind: KINDS.get((mode ?? 0) & KIND_BITS) ?? 'other',
    bytes: told('size') ?? 0,
    mtime: told('mtime') ?? 0,
    mode: mode === undefined ? undefined : mode & 0o7777,
    uid: told('uid'),
    gid: told('gid'),
  };
}
