import { posix } from 'node:path';
import { atOnce } from '../flow/at-once.ts';
import type { SftpSession } from '../sftp/session.ts';
import { MAX_TREE_ENTRIES } from '../tree/tree.ts';
import { isTemporaryName } from './file-names.ts';

/** So many questions at once cost a distant host one round trip. */
export const ASKED_AT_ONCE = 64;
const STAGED = /^[0-9a-f]{64}(?:\.\d{1,5})?$/;

/** What of ours is in it: name and bytes. */
export async function readStaging(sftp: SftpSession, path: string): Promise<Map<string, number>> {
  const { entries } = await sftp.list(path, MAX_TREE_ENTRIES + 2);
  const parts = entries.filter(({ name, stat }) => stat.kind === 'file' && STAGED.test(name));
  return new Map(parts.map(({ name, stat }) => [name, stat.bytes]));
}

/** Whether a folder on a host is one of these by its name; what it holds is looked at as well. */
export function isStaging(path: string): boolean {
  return isTemporaryName(posix.basename(path));
}

/** Removes what a copy that did not end left there: files that are named by a checksum, and nothing else. */
export async function removeStaging(sftp: SftpSession, path: string): Promise<void> {
  const parts = await readStaging(sftp, path);
  await atOnce(parts.keys(), ASKED_AT_ONCE, (name) => sftp.unlink(`${path}/${name}`));
  await sftp.removeFolder(path);
}
