import type { Stats } from 'node:fs';
import { lstat, opendir, rmdir, unlink } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Origins } from '../../ports/disk.ts';

/** What came from Slack lies here, a folder for each file. */
const UPLOADS = 'slack';

export interface OldFiles {
  /** The true path of the transfer folder. */
  readonly dir: string;
  readonly origins: Pick<Origins, 'list' | 'isAsPut'>;
  /** Epoch ms: what was changed after it stays. `-Infinity`: all stays. */
  readonly uploadedBefore: number;
  readonly fetchedBefore: number;
  /** What runs that have not ended are to send, by its path below the folder. */
  readonly inUse: ReadonlySet<string>;
}

/**
 * Removes old files of the transfer folder that the bot put there: uploads from Slack, and what was fetched. What has
 * no record of where it came from is an administrator's and stays, and so does what somebody has put in the place of
 * such a file, or changed. Tells how many.
 */
export async function sweepOldFiles(files: OldFiles): Promise<number> {
  return (
    (await sweep(files, join(files.dir, UPLOADS), 'shared', files.uploadedBefore)) +
    (await sweep(files, files.dir, 'fetched', files.fetchedBefore))
  );
}

async function sweep(
  files: OldFiles,
  folder: string,
  kind: 'shared' | 'fetched',
  before: number,
): Promise<number> {
  if (before === Number.NEGATIVE_INFINITY) return 0;
  let removed = 0;
  const entries = await opendir(folder).catch(() => undefined);
  if (entries === undefined) return 0;
  for await (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) removed += await sweep(files, path, kind, before);
    // No link is followed.
    if (!entry.isFile()) continue;
    const name = relative(files.dir, path);
    const found = await olderFile(path, before);
    if (files.inUse.has(name) || found === undefined) continue;
    const origins = await files.origins.list(name);
    if (origins.length === 0 || origins.some((origin) => origin.kind !== kind)) continue;
    const { size, mtimeMs } = found;
    if (!(await files.origins.isAsPut(name, { bytes: size, changedAt: Math.trunc(mtimeMs) }))) continue;
    // Another may have come in its place meanwhile.
    if ((await olderFile(path, before))?.ino !== found.ino) continue;
    await unlink(path);
    removed += 1;
  }
  // An empty one goes too; it may be in use again by now, and then it is not empty.
  if (removed > 0 && folder !== files.dir) await rmdir(folder).catch(() => {});
  return removed;
}

/** By when it got this content and this name, which no program can date back. Undefined where it is younger, or gone. */
async function olderFile(path: string, before: number): Promise<Stats | undefined> {
  const stats = await lstat(path).catch(() => undefined);
  return stats !== undefined && stats.ctimeMs < before ? stats : undefined;
}
