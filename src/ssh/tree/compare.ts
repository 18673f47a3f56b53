import { posix } from 'node:path';
import { backupName, checkCanKeep } from '../copy/backup.ts';
import type { Copy } from '../copy/open-copy.ts';
import { digestManyRemote } from '../copy/remote-digest.ts';
import { checkMissing, checkTrueName, expandHome, type PutWords } from '../copy/remote-path.ts';
import { atOnce } from '../flow/at-once.ts';
import { ASKED_AT_ONCE } from '../part/staged-folder.ts';
import type { RemoteStat } from '../sftp/answers.ts';
import { Trouble } from '../trouble.ts';
import { findFolder, type RemoteFolder } from './remote-folders.ts';
import type { Tree, TreeFile } from './tree.ts';

/** A file of the tree, and what is in its place on the host. */
export interface Placed {
  readonly file: TreeFile;
  readonly path: string;
  readonly old: RemoteStat | undefined;
}

/** What is to be done on a host: nothing of it is done yet. */
export interface TreePlan {
  /** Where the tree goes: the folder that is to hold what is in it. */
  readonly base: RemoteFolder;
  /** Those of the tree that are to be made, parents first, by their full paths. */
  readonly folders: readonly string[];
  readonly toSend: readonly Placed[];
  readonly unchanged: readonly Placed[];
}

/**
 * Looks at all that a tree touches on a host before any of it is touched: whether the rules reach each true name, what
 * is in the way, and what is the same there already, by size and checksum.
 */
export async function planTree(copy: Copy, tree: Tree, words: PutWords): Promise<TreePlan> {
  const { sftp } = copy;
  const base = await resolveBase(copy, words);
  checkMissing(copy, words.remote, base);
  const isNew = base.missing.length > 0;
  const there = new Set<string>(isNew ? [] : ['']);
  const folders: string[] = [];
  // Level by level: what is in a folder that is not there is not there.
  for (const level of byDepth(tree)) {
    await atOnce(level, ASKED_AT_ONCE, async ({ path }) => {
      const full = posix.join(base.path, path);
      checkTrueName(full, words.remote, copy.mayTouch);
      const found = there.has(parentOf(path)) ? await sftp.lstat(full) : undefined;
      if (found && found.kind !== 'folder') throw inTheWay(full, found);
      if (found) there.add(path);
    });
  }
  for (const { path } of tree.folders) if (!there.has(path)) folders.push(posix.join(base.path, path));

  const placed: Placed[] = [];
  await atOnce(tree.files, ASKED_AT_ONCE, async (file) => {
    const path = posix.join(base.path, file.path);
    checkTrueName(path, words.remote, copy.mayTouch);
    const old = there.has(parentOf(file.path)) ? await sftp.lstat(path) : undefined;
    if (old && old.kind !== 'file') throw inTheWay(path, old);
    placed.push({ file, path, old });
  });
  placed.sort((a, b) => (a.path < b.path ? -1 : 1));
  const alike = placed.filter(({ file, old }) => old?.bytes === file.bytes);
  const sums = await digestManyRemote(
    copy,
    alike.map(({ path, file }) => ({ path, bytes: file.bytes })),
  );
  const unchanged = new Set(alike.filter(({ file }, i) => sums[i] === file.sha256));
  const toSend = placed.filter((one) => !unchanged.has(one));
  if (words.options?.backup === true) {
    for (const { path, old } of toSend) {
      if (!old) continue;
      checkTrueName(backupName(copy, path), words.remote, copy.mayTouch);
      checkCanKeep(sftp, path);
    }
  }
  return { base, folders, toSend, unchanged: [...unchanged] };
}

/** Into it, by its own name, where it is a folder or ends in a slash; else that very name. */
async function resolveBase(copy: Copy, { remote, local, options }: PutWords): Promise<RemoteFolder> {
  const { sftp } = copy;
  const path = await expandHome(sftp, remote);
  const there = await sftp.stat(path);
  const isInto = path.endsWith('/') || there?.kind === 'folder';
  const name = posix.basename(isInto ? local : path);
  if (name === '' || name === '.' || name === '..') {
    throw new Trouble('transfer-failed', `${remote} names no folder`);
  }
  const parent = await findFolder(sftp, isInto ? path : posix.dirname(path), options?.makeFolders === true);
  const base = posix.join(parent.path, name);
  checkTrueName(base, remote, copy.mayTouch);
  const found = parent.missing.length > 0 ? undefined : await sftp.lstat(base);
  if (found && found.kind !== 'folder') throw inTheWay(base, found);
  return { path: base, missing: found ? [] : [...parent.missing, base] };
}

function byDepth({ folders }: Tree): readonly Tree['folders'][] {
  const levels = Map.groupBy(folders, ({ path }) => path.split('/').length);
  return [...levels].toSorted(([a], [b]) => a - b).map(([, level]) => level);
}

function parentOf(path: string): string {
  const parent = posix.dirname(path);
  return parent === '.' ? '' : parent;
}

function inTheWay(path: string, { kind }: RemoteStat): Trouble {
  switch (kind) {
    case 'link':
      return new Trouble('transfer-failed', `${path} is a symbolic link; nothing was sent`);
    case 'folder':
      return new Trouble(
        'transfer-failed',
        `${path} is a folder, and a file is to go there; nothing was sent`,
      );
    case 'file':
      return new Trouble(
        'transfer-failed',
        `${path} is a file, and a folder is to go there; nothing was sent`,
      );
    case 'other':
      return new Trouble('transfer-failed', `${path} is neither file nor folder; nothing was sent`);
    default:
      return kind satisfies never;
  }
}
