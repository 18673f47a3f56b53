import { posix } from 'node:path';
import type { Copy } from '../copy/open-copy.ts';
import { atOnce } from '../flow/at-once.ts';
import { temporaryName } from '../part/file-names.ts';
import { ASKED_AT_ONCE, isStaging, readStaging } from '../part/staged-folder.ts';

/** As many as a host answers without more waiting than working. */
export const FILES_AT_ONCE = 32;

/** Where the files of a folder lie on the host until all of them have arrived: for the eyes of the login only. */
export interface Staging {
  pathOf(name: string): string;
  /** What a broken copy had sent into it, by name: how many bytes. */
  readonly there: ReadonlyMap<string, number>;
  /** Of its files, all are in their place. */
  remove(): Promise<void>;
}

/** By their content, so that a later copy knows them; of the same content one after the other. */
export function stagedNames(files: readonly { readonly sha256: string }[]): readonly string[] {
  const counts = new Map<string, number>();
  return files.map(({ sha256 }) => {
    const nth = counts.get(sha256) ?? 0;
    counts.set(sha256, nth + 1);
    return nth === 0 ? sha256 : `${sha256}.${nth}`;
  });
}

/** One record in the store for all of them, before the host hears of it. `names`: what is to come into it. */
export async function openStaging(
  copy: Copy,
  folder: string,
  names: readonly string[],
  mayResume: boolean,
): Promise<Staging> {
  const { sftp, leftovers } = copy;
  const earlier = mayResume ? await findEarlier(copy, folder) : undefined;
  const path = earlier ?? posix.join(folder, temporaryName(copy.runId));
  const leftover = copy.leftover(path, null);
  await leftovers.note(leftover);
  if (earlier === undefined) await sftp.makeFolder(path, 0o700);
  const there = earlier === undefined ? new Map<string, number>() : await readStaging(sftp, path);
  const wanted = new Set(names);
  await atOnce(
    [...there.keys()].filter((name) => !wanted.has(name)),
    ASKED_AT_ONCE,
    (name) => sftp.unlink(`${path}/${name}`),
  );
  return {
    pathOf: (name) => `${path}/${name}`,
    there,
    async remove() {
      await sftp.removeFolder(path);
      await leftovers.forget(leftover);
    },
  };
}

async function findEarlier(
  { sftp, leftovers, connection, runId }: Copy,
  folder: string,
): Promise<string | undefined> {
  for (const path of await leftovers.listEarlier(connection.host.name, runId, folder)) {
    if (isStaging(path) && (await sftp.lstat(path))?.kind === 'folder') return path;
  }
  return undefined;
}
