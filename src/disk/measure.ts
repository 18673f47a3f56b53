import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';

/** Bytes of all files in a folder and below, but for `except`. No link is followed; what goes meanwhile counts as gone. */
export async function measureFolder(folder: string, except: (path: string) => boolean): Promise<number> {
  let bytes = 0;
  try {
    for await (const entry of await opendir(folder)) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) bytes += await measureFolder(path, except);
      else if (entry.isFile() && !except(path)) bytes += await lstat(path).then(({ size }) => size, nothing);
    }
  } catch {
    // Not there (yet), or not ours to read: none of it is ours to count.
  }
  return bytes;
}

const nothing = (): number => 0;
