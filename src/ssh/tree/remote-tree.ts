import { posix } from 'node:path';
import type { Copy } from '../copy/open-copy.ts';
import { checkTrueName } from '../copy/remote-path.ts';
import { atOnce } from '../flow/at-once.ts';
import type { RemoteStat } from '../sftp/answers.ts';
import { Trouble } from '../trouble.ts';
import { MAX_TREE_DEPTH, MAX_TREE_ENTRIES } from './tree.ts';

const LISTED_AT_ONCE = 8;

export interface RemoteFile {
  /** Below the folder, parted by slashes. */
  readonly path: string;
  readonly stat: RemoteStat;
}

export interface RemoteTree {
  readonly folders: readonly string[];
  readonly files: readonly RemoteFile[];
  /** Links, and what else is no file. */
  readonly leftOut: number;
  /** Files that can have no such name here; as they may be shown. */
  readonly oddNames: readonly string[];
}

/**
 * All that is in a folder of a host, by its true name. The host is not believed: it may list without end, deeper than
 * any disk, and names that lead elsewhere. Each file that is found has to be one that the rules reach.
 */
export async function readRemoteTree(copy: Copy, root: string, typed: string): Promise<RemoteTree> {
  const { sftp } = copy;
  const folders: string[] = [];
  const files: RemoteFile[] = [];
  const oddNames: string[] = [];
  let leftOut = 0;
  let found = 0;

  const readFolder = async (folder: string, next: string[]): Promise<void> => {
    const { entries, more } = await sftp.list(posix.join(root, folder), MAX_TREE_ENTRIES - found);
    if (more) throw tooMany(root);
    for (const { name, stat } of entries) {
      if (name === '.' || name === '..') continue;
      found += 1;
      if (found > MAX_TREE_ENTRIES) throw tooMany(root);
      if (name === '' || name.includes('/') || name.includes('\0')) {
        throw new Trouble(
          'transfer-failed',
          `the host lists ${JSON.stringify(name)} in ${posix.join(root, folder)}, which is no name of a file; nothing was fetched`,
        );
      }
      const path = posix.join(folder, name);
      if (stat.kind !== 'file' && stat.kind !== 'folder') leftOut += 1;
      else if (isOddName(name)) oddNames.push(JSON.stringify(path));
      else {
        checkTrueName(posix.join(root, path), typed, copy.mayTouch);
        if (stat.kind === 'file') files.push({ path, stat });
        else {
          folders.push(path);
          next.push(path);
        }
      }
    }
  };

  let level: string[] = [''];
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > MAX_TREE_DEPTH) throw tooDeep(root);
    const next: string[] = [];
    await atOnce(level, LISTED_AT_ONCE, (folder) => readFolder(folder, next));
    level = next;
  }
  files.sort((a, b) => (a.path < b.path ? -1 : 1));
  return { folders, files, leftOut, oddNames };
}

/** U+FFFD stands for bytes that are no UTF-8: the file cannot be asked for by it. */
function isOddName(name: string): boolean {
  return /[\u0000-\u001f\u007f\\\ufffd]/.test(name) || Buffer.byteLength(name) > 255;
}

const ARCHIVE = 'fetch a part of it, or an archive: make one with /batch_run, and get that';

function tooMany(root: string): Trouble {
  return new Trouble(
    'transfer-failed',
    `${root} holds more than ${MAX_TREE_ENTRIES} files and folders; nothing was fetched; ${ARCHIVE}`,
  );
}

function tooDeep(root: string): Trouble {
  return new Trouble(
    'transfer-failed',
    `${root} holds folders within folders more than ${MAX_TREE_DEPTH} deep; nothing was fetched; ${ARCHIVE}`,
  );
}
