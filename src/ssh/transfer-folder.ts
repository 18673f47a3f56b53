import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, mkdir, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, sep } from 'node:path';
import { codeOf, Refusal, type RefusalCode } from '../errors.ts';
import type { Claim, Origins, Room, TransferFolder } from '../ports/disk.ts';
import type { FileDigest, Origin } from '../run/plan.ts';
import { SourceDigests } from './flow/source-digests.ts';
import { open } from './open-file.ts';
import { ENDLESS_ROOM } from './part/endless-room.ts';
import { temporaryName } from './part/file-names.ts';
import { readLocalTree } from './tree/local-tree.ts';
import type { Tree } from './tree/tree.ts';

/** What hosts and people sent is the bot's alone to read, also where the transfer folder itself is shared. */
const FOLDER_MODE = 0o700;

/** Where files from Slack are kept, a folder for each. */
const SLACKS_FOLDER = 'slack';

/** What the copies themselves need of the folder, besides what people ask of it. */
export interface JailedFolder extends TransferFolder {
  /** The file to send, open. A `Refusal` as with `digestSource`. */
  openSource(local: string): Promise<{ readonly file: FileHandle; readonly stats: Stats }>;
  /** All of a folder, with checksums. A `Refusal` as with `digestSource`. */
  listSource(local: string): Promise<Tree>;
  /** Room for a file that is about to be written in the folder, by its full path. */
  claim(path: string): Claim;
  /** Makes the folder, each part checked, and answers with its true path. */
  makeFolder(parts: readonly string[]): Promise<string>;
  /**
   * Gives a file that is whole its name in a folder that `makeFolder` answered, and writes down where it came
   * from. A `Refusal` where the one that has the name is another person's.
   */
  place(part: string, into: string, name: string, origin: Origin): Promise<void>;
}

/**
 * The folder that `-local` may name things in. What is named is followed to where it truly lies, and looked
 * at again once it is open: neither `..` nor a link, also one put there in between, leads out.
 */
export function openTransferFolder(dir: string, origins: Origins, room: Room = ENDLESS_ROOM): JailedFolder {
  const digests = new SourceDigests();
  const folder: JailedFolder = {
    claim: (path) => room.claim(path),

    async digestSource(local, isFolder = false): Promise<FileDigest> {
      if (isFolder && (await isFolderInside(dir, local))) {
        const { bytes, sha256, files } = await folder.listSource(local);
        return { bytes, sha256, files: files.length };
      }
      return await digests.of(await folder.openSource(local));
    },

    async listSource(local) {
      const root = await rootOf(dir);
      const at = await trueInside(root, join(root, ...splitName(local)), local);
      return await readLocalTree(at, local, async (path) =>
        digests.of(await folder.openSource(join(local, path))),
      );
    },

    async originsOf(local, isFolder = false) {
      if (isFolder && (await isFolderInside(dir, local))) {
        const { files } = await folder.listSource(local);
        const all = new Map<string, Origin>();
        for (const { path } of files) {
          for (const origin of await folder.originsOf(join(local, path)))
            all.set(JSON.stringify(origin), origin);
          if (all.size > MAX_TREE_ORIGINS) throw tooManyOrigins(local);
        }
        return [...all.values()];
      }
      const root = await rootOf(dir);
      const path = await trueInside(root, join(root, ...splitName(local)), local);
      const inside = relative(root, path);
      const known = await origins.list(inside);
      const [top, id = ''] = inside.split(sep);
      if (known.length > 0 || top !== SLACKS_FOLDER) return known;
      // Brought from Slack before there was a record: whose it is nobody knows.
      return [{ kind: 'shared', id, by: '' }];
    },

    async openSource(local) {
      const opened = await openInside(dir, local);
      if (opened.stats.isFile()) return opened;
      await opened.file.close();
      throw opened.stats.isDirectory()
        ? refusal('unknown-name', `${local} is a folder.`, {
            remedy: 'Write -r to copy it with all that is in it.',
          })
        : refusal('unknown-name', `${local} is not a file.`);
    },

    async checkDestination(local) {
      const parts = splitName(local);
      const root = await rootOf(dir);
      let at = root;
      for (const part of parts) {
        const next = join(at, part);
        const stats = await lstat(next).catch((error: unknown) => missing(error, local));
        if (!stats) return;
        at = await trueInside(root, next, local);
        if (!(await stat(at)).isDirectory()) {
          throw refusal('unknown-name', `${local}: there is a file ${part} where a folder is needed.`, {
            remedy: 'Choose another name: each fetched file gets a folder per host below it.',
          });
        }
      }
    },

    async read(path, maxBytes) {
      try {
        const { file, stats } = await openInside(dir, path);
        try {
          return stats.isFile() && stats.size <= maxBytes ? await readAtMost(file, maxBytes) : null;
        } finally {
          await file.close();
        }
      } catch (error) {
        if (error instanceof Refusal) return null;
        throw error;
      }
    },

    async keep(local, { bytes, open: openContent }, origin) {
      const parts = splitName(local);
      const name = parts.at(-1) ?? local;
      const into = await folder.makeFolder(parts.slice(0, -1));
      // Hidden until it is whole, under a name that no one else's copy has.
      const part = join(into, temporaryName('slack'));
      const claim = room.claim(part);
      const take = async (more: number): Promise<void> => {
        const shortage = await claim.grow(more);
        if (shortage !== undefined) throw noRoom(local, shortage);
      };
      try {
        await take(bytes);
        const content = await openContent();
        const file = await open(part, 'wx', 0o600);
        let written = 0;
        try {
          for await (const chunk of content) {
            written += chunk.length;
            claim.came(chunk.length);
            // What it was said to have is taken already; the disk may be filling up by other hands.
            await take(Math.max(0, Math.min(chunk.length, written - bytes)));
            // Not `write`: that may take a part of it only.
            await file.appendFile(chunk);
          }
          await file.sync();
        } finally {
          await file.close();
        }
        await folder.place(part, into, name, origin);
        claim.keep();
      } catch (error) {
        await rm(part, { force: true });
        throw error;
      } finally {
        claim.drop();
      }
    },

    async place(part, into, name, origin) {
      const path = relative(await rootOf(dir), join(into, name));
      // Before it is there: whatever ends us in between, nothing lies there whose origin is not on record.
      const other = await origins.claim(path, origin);
      if (other !== undefined) throw ofAnother(path, other);
      const { size, mtimeMs } = await lstat(part);
      await rename(part, join(into, name));
      await origins.settle(path, origin, { bytes: size, changedAt: Math.trunc(mtimeMs) });
    },

    async makeFolder(parts) {
      const root = await rootOf(dir);
      let at = root;
      // As one name: below the first, a folder of a host may well be called `~old`.
      for (const part of parts.length === 0 ? [] : splitName(parts.join('/'))) {
        const next = join(at, part);
        await mkdir(next, { mode: FOLDER_MODE }).catch((error: unknown) => {
          if (codeOf(error) !== 'EEXIST') throw error;
        });
        at = await trueInside(root, next, parts.join('/'));
        if (!(await stat(at)).isDirectory()) {
          throw refusal('unknown-name', `${parts.join('/')}: there is a file where a folder is needed.`);
        }
      }
      return at;
    },
  };
  return folder;
}

/** Each is judged by the rules, and stands in the plan. */
const MAX_TREE_ORIGINS = 1_000;

function tooManyOrigins(local: string): Refusal {
  return refusal(
    'not-now',
    `${local} holds files of more than ${MAX_TREE_ORIGINS} places on hosts, each of which would have to be judged.`,
    { remedy: 'Send a part of it.' },
  );
}

async function isFolderInside(dir: string, local: string): Promise<boolean> {
  const root = await rootOf(dir);
  return (await stat(await trueInside(root, join(root, ...splitName(local)), local))).isDirectory();
}

function ofAnother(path: string, origin: Origin): Refusal {
  const whose =
    origin.kind === 'fetched'
      ? `${origin.by} fetched it from ${origin.host}`
      : `${origin.by === '' ? 'somebody' : origin.by} put it into Slack`;
  return refusal('not-allowed', `${path} is not yours to replace: ${whose}.`, {
    remedy: 'Choose another name for -local.',
  });
}

function noRoom(local: string, shortage: string): Refusal {
  return refusal('not-now', `${local} was not fetched: ${shortage}.`);
}

/** The words between the slashes; a `Refusal` where one of them is no plain name. */
function splitName(local: string): string[] {
  if (local.includes('\\')) {
    const meant = local.replace(/^(?:[A-Za-z]:)?\\+/, '').replaceAll(/\\+/g, '/');
    throw refusal(
      'not-allowed',
      `${local}: a backslash is not taken in a name, since it parts folders on Windows and is a letter like any other here.`,
      {
        remedy: `Write / between folders (${meant}); a file that has a backslash in its name has to be renamed.`,
      },
    );
  }
  if (isAbsolute(local) || local.startsWith('~')) {
    throw refusal('not-allowed', `${local} is not a name inside the transfer folder.`, {
      remedy: 'Name the file relative to the transfer folder, without a leading / or ~.',
    });
  }
  const parts = local.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) {
    throw refusal('not-allowed', `${local} leads out of the transfer folder.`, {
      remedy: 'Leave out the `..`: only what is inside the transfer folder can be named.',
    });
  }
  if (parts.length === 0 || /[\u0000-\u001f\u007f]/.test(local)) {
    throw refusal('unknown-name', `"${local.replace(/\p{Cc}/gu, '·')}" is no file name.`, {
      remedy: 'Name a file or folder inside the transfer folder.',
    });
  }
  return parts;
}

async function openInside(dir: string, local: string): Promise<{ file: FileHandle; stats: Stats }> {
  const parts = splitName(local);
  const root = await rootOf(dir);
  const path = await trueInside(root, join(root, ...parts), local);
  // Not waiting for a writer, where it is a pipe; and not through a link that was put there just now.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await open(path, flags).catch((error: unknown) => {
    throw codeOf(error) === 'ELOOP' ? leadsOut(local) : unreadable(error, local);
  });
  try {
    const stats = await file.stat();
    // What was opened must be what lies there now: a folder above it may have been exchanged for a link.
    const now = await stat(await trueInside(root, path, local));
    if (now.ino !== stats.ino || now.dev !== stats.dev) throw leadsOut(local);
    return { file, stats };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function rootOf(dir: string): Promise<string> {
  await mkdir(dir, { recursive: true, mode: FOLDER_MODE });
  return realpath(dir);
}

async function trueInside(root: string, path: string, local: string): Promise<string> {
  const found = await realpath(path).catch((error: unknown) => {
    throw unreadable(error, local);
  });
  if (found !== root && !found.startsWith(root.endsWith(sep) ? root : root + sep)) throw leadsOut(local);
  return found;
}

function leadsOut(local: string): Refusal {
  return refusal('not-allowed', `${local} is a link that leads out of the transfer folder.`, {
    remedy: 'Put the file itself into the transfer folder.',
  });
}

function unreadable(error: unknown, local: string): Error {
  const code = codeOf(error);
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return refusal('unknown-name', `There is no ${local} in the transfer folder.`, {
      remedy: `Put ${basename(local)} there${dirname(local) === '.' ? '' : `, into ${dirname(local)}`}, then ask again.`,
    });
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return refusal('not-allowed', `The bot may not read ${local}.`, {
      remedy: 'Give its user the right to read it.',
    });
  }
  if (code === 'ELOOP' || code === 'ENAMETOOLONG') {
    return refusal('unknown-name', `${local} is no file name that can be followed.`);
  }
  return error instanceof Error ? error : new Error(String(error));
}

function missing(error: unknown, local: string): undefined {
  if (codeOf(error) === 'ENOENT') return undefined;
  throw unreadable(error, local);
}

async function readAtMost(file: FileHandle, maxBytes: number): Promise<Uint8Array<ArrayBuffer> | null> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  for (;;) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(64 * 1024));
    if (bytesRead === 0) return Buffer.concat(chunks);
    total += bytesRead;
    // It may have grown since it was looked at.
    if (total > maxBytes) return null;
    chunks.push(buffer.subarray(0, bytesRead));
  }
}

function refusal(code: RefusalCode, message: string, more: { remedy?: string } = {}): Refusal {
  return new Refusal(code, message, { ...more, about: 'local' });
}
