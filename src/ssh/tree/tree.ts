import { createHash } from 'node:crypto';

/** Of a folder that is copied: what is more is an archive's work. */
export const MAX_TREE_ENTRIES = 10_000;
export const MAX_TREE_DEPTH = 32;

/**
 * All of a folder that is copied: its files and folders, hidden ones too. Symbolic links are neither copied nor
 * followed, nor is anything else that is no file: they are counted, and said.
 */
export interface Tree {
  /** Parents before what is in them; the folder itself is not among them. */
  readonly folders: readonly TreeFolder[];
  readonly files: readonly TreeFile[];
  readonly leftOut: number;
  readonly bytes: number;
  /** Hex, over all names, modes and contents. */
  readonly sha256: string;
  /** Of the folder itself. */
  readonly root: Pick<TreeFolder, 'mode' | 'mtime'>;
}

export interface TreeFolder {
  /** Below the folder that is copied, parted by slashes. */
  readonly path: string;
  readonly mode: number;
  /** Seconds since 1970. */
  readonly mtime: number;
}

export interface TreeFile extends TreeFolder {
  readonly bytes: number;
  readonly sha256: string;
}

/** One text for one tree: what a plan's checksum of a folder is made of. */
export function digestTree(folders: readonly TreeFolder[], files: readonly TreeFile[]): string {
  const digest = createHash('sha256');
  const lines = [
    ...folders.map(({ path, mode }) => JSON.stringify([path, mode.toString(8)])),
    ...files.map(({ path, mode, sha256 }) => JSON.stringify([path, mode.toString(8), sha256])),
  ];
  for (const line of lines.toSorted()) digest.update(`${line}\n`);
  return digest.digest('hex');
}

export function sumBytes(files: readonly { readonly bytes: number }[]): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0);
}
