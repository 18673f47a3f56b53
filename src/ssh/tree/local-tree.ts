import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Refusal } from '../../errors.ts';
import type { FileDigest } from '../../run/plan.ts';
import { atOnce } from '../flow/at-once.ts';
import { isTemporaryName } from '../part/file-names.ts';
import {
  digestTree,
  MAX_TREE_DEPTH,
  MAX_TREE_ENTRIES,
  sumBytes,
  type Tree,
  type TreeFile,
  type TreeFolder,
} from './tree.ts';

const DIGESTS_AT_ONCE = 4;

/**
 * Looks through a folder of the transfer folder. `dir`: its true path; `digest`: of a file in it, by its path below.
 * A `Refusal` where it is too much, or something in it cannot be read.
 */
export async function readLocalTree(
  dir: string,
  local: string,
  digest: (path: string) => Promise<FileDigest>,
): Promise<Tree> {
  const folders: TreeFolder[] = [];
  const found: { readonly path: string; readonly mode: number; readonly mtime: number }[] = [];
  let leftOut = 0;
  const waiting: { readonly path: string; readonly depth: number }[] = [{ path: '', depth: 1 }];
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    for (const entry of await readdir(join(dir, next.path), { withFileTypes: true })) {
      // Another copy's, not whole yet.
      if (isTemporaryName(entry.name)) continue;
      const path = next.path === '' ? entry.name : `${next.path}/${entry.name}`;
      if (!entry.isFile() && !entry.isDirectory()) {
        leftOut += 1;
        continue;
      }
      const stats = await lstat(join(dir, path));
      const one = { path, mode: stats.mode & 0o777, mtime: Math.trunc(stats.mtimeMs / 1_000) };
      if (entry.isDirectory()) {
        if (next.depth >= MAX_TREE_DEPTH) throw tooDeep(local);
        folders.push(one);
        waiting.push({ path, depth: next.depth + 1 });
      } else found.push(one);
      if (folders.length + found.length > MAX_TREE_ENTRIES) throw tooMany(local);
    }
  }
  const files: TreeFile[] = [];
  await atOnce(found, DIGESTS_AT_ONCE, async (one) => {
    files.push({ ...one, ...(await digest(one.path)) });
  });
  files.sort((a, b) => (a.path < b.path ? -1 : 1));
  const root = await lstat(dir);
  return {
    folders,
    files,
    leftOut,
    bytes: sumBytes(files),
    sha256: digestTree(folders, files),
    root: { mode: root.mode & 0o777, mtime: Math.trunc(root.mtimeMs / 1_000) },
  };
}

const ARCHIVE = 'Copy a part of it, or an archive: put it as one file, and unpack it with /batch_run.';

function tooMany(local: string): Refusal {
  return new Refusal('unknown-name', `${local} holds more than ${MAX_TREE_ENTRIES} files and folders.`, {
    remedy: ARCHIVE,
    about: 'local',
  });
}

function tooDeep(local: string): Refusal {
  return new Refusal(
    'unknown-name',
    `${local} holds folders within folders more than ${MAX_TREE_DEPTH} deep.`,
    {
      remedy: ARCHIVE,
      about: 'local',
    },
  );
}
