import { lstat, opendir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { isTemporaryName } from './file-names.ts';

/** No copy takes longer than this to write anything. */
const HALF_KEPT_MS = 24 * 60 * 60_000;

/**
 * Removes the half files of fetches that a killed bot did not end, in this folder and below. No link is followed,
 * and only files under names of ours that nobody wrote to for a day are touched. Tells how many.
 */
export async function sweepHalfFiles(dir: string, now: number): Promise<number> {
  let removed = 0;
  for await (const entry of await opendir(dir)) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) removed += await sweepHalfFiles(path, now);
    if (!entry.isFile() || !isTemporaryName(entry.name)) continue;
    if ((await lstat(path)).mtimeMs >= now - HALF_KEPT_MS) continue;
    await unlink(path);
    removed += 1;
  }
  return removed;
}
