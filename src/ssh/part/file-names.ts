import { createHash, randomBytes } from 'node:crypto';

/** Of a name that stands for a host: with what is put behind it, it stays below the 255 bytes of most disks. */
const MAX_HOST_NAME_BYTES = 120;

/**
 * The name of a file that is not whole yet, on a host or here. Short, whatever the file will be called: names end
 * at 255 bytes, which are few characters in some scripts. Nobody else's, and seen to be ours; `owner` is the run's id.
 */
export function temporaryName(owner: string): string {
  return `.batchops-${owner}-${randomBytes(4).toString('hex')}.part`;
}

export function isTemporaryName(name: string): boolean {
  return /^\.batchops-[0-9a-z-]{1,20}-[0-9a-f]{8}\.part$/.test(name);
}

/** As people read it: equal on all hosts of a run, so that equal troubles fold, and good for a shell's `ls`. */
export function showTemporary(path: string): string {
  return path.replace(/(\.batchops-r-[0-9a-z]{1,20}-)[0-9a-f]{8}(\.part)/g, '$1*$2');
}

/** A host's name as one folder's name: two hosts never share one. */
export function hostFolder(host: string): string {
  const safe = host.replace(/[^A-Za-z0-9._-]/gu, (char) =>
    encodeURIComponent(char).replace(/[^A-Za-z0-9%]/g, '%2E'),
  );
  if (/^\.+$/.test(safe)) return safe.replaceAll('.', '%2E');
  if (safe.length <= MAX_HOST_NAME_BYTES) return safe;
  const digest = createHash('sha256').update(host).digest('hex').slice(0, 16);
  return `${safe.slice(0, MAX_HOST_NAME_BYTES - 17)}-${digest}`;
}
