import { randomUUID } from 'node:crypto';
import type { Stats } from 'node:fs';
import { mkdir, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { codeOf } from '../../errors.ts';
import { open } from '../open-file.ts';

/** By which a file is known to be the one that was read. */
export const MISSING = 'missing';

export async function versionOf(path: string): Promise<string> {
  const found = await statOf(path);
  return found === undefined ? MISSING : formatVersion(found);
}

function formatVersion({ ino, size, mtimeMs }: Stats): string {
  return `${ino}:${size}:${mtimeMs}`;
}

/**
 * The whole file anew, or as it was, whatever happens meanwhile: its owner and mode stay, and a link stays a link.
 * Answers with its new version; undefined where it is not of the version any more that the content was made from.
 */
export async function replaceDurably(
  path: string,
  content: Buffer,
  version: string,
): Promise<string | undefined> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const before = await statOf(path);
  const target = before === undefined ? path : await realpath(path);
  const next = `${target}.${randomUUID().slice(0, 8)}.new`;
  try {
    const file = await open(next, 'wx', 0o600);
    try {
      await file.writeFile(content);
      if (before !== undefined) {
        // Whoever else reads it is to read the new one too, and nobody more.
        await file.chown(before.uid, before.gid);
        await file.chmod(before.mode & 0o777);
      }
      await file.sync();
    } finally {
      await file.close();
    }
    if ((await versionOf(path)) !== version) return undefined;
    await rename(next, target);
  } finally {
    await rm(next, { force: true });
  }
  const folder = await open(dirname(target), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
  return await versionOf(path);
}

/** Adds lines at the end, whole or not at all; the file's versions before and after. */
export async function appendDurably(path: string, lines: string): Promise<{ before: string; after: string }> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const before = await versionOf(path);
  const file = await open(path, 'a+', 0o600);
  try {
    const { size } = await file.stat();
    const last = Buffer.alloc(1);
    if (size > 0) await file.read(last, 0, 1, size - 1);
    // Someone's editor may have left the last line without its end.
    const text = size > 0 && last[0] !== 0x0a ? `\n${lines}` : lines;
    try {
      await file.appendFile(text);
    } catch (error) {
      // Half a line would make the whole file unreadable.
      await file.truncate(size).catch(() => {});
      throw error;
    }
    await file.sync();
    return { before, after: formatVersion(await file.stat()) };
  } finally {
    await file.close();
  }
}

async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
