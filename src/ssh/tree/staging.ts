import { posix } from 'node:path';
import type { Copy } from '../copy/open-copy.ts';
import { atOnce } from '../flow/at-once.ts';
import { isTemporaryName, temporaryName } from '../part/file-names.ts';
import type { SftpSession } from '../sftp/session.ts';
import { MAX_TREE_ENTRIES } from './tree.ts';

/** As many as a host answers without more waiting than working. */
export const FILES_AT_ONCE = 32;
export const ASKED_AT_ONCE = 64;

/** Where the files of a folder lie on the host until all of them have arrived: for the eyes of the login only. */
export interface Staging {
  partOf(nth: number): string;
  /** Of its files, all are in their place. */
  remove(): Promise<void>;
}

/** One record in the store for all of them, before the host hears of it. */
export async function openStaging(copy: Copy, folder: string): Promise<Staging> {
  const path = posix.join(folder, temporaryName(copy.runId));
  const leftover = copy.leftover(path, null);
  await copy.leftovers.note(leftover);
  await copy.sftp.makeFolder(path, 0o700);
  return {
    partOf: (nth) => `${path}/${nth}`,
    async remove() {
      await copy.sftp.removeFolder(path);
      await copy.leftovers.forget(leftover);
    },
  };
}

/** Whether a folder on a host is one of these by its name; what it holds is looked at as well. */
export function isStaging(path: string): boolean {
  return isTemporaryName(posix.basename(path));
}

/** Removes what a copy that did not end left there: files that have a number for a name, and nothing else. */
export async function removeStaging(sftp: SftpSession, path: string): Promise<void> {
  const { entries } = await sftp.list(path, MAX_TREE_ENTRIES + 2);
  const parts = entries.filter(({ name, stat }) => stat.kind === 'file' && /^\d{1,5}$/.test(name));
  await atOnce(parts, ASKED_AT_ONCE, ({ name }) => sftp.unlink(`${path}/${name}`));
  await sftp.removeFolder(path);
}
