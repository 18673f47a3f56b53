import { createHash } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { type FileHandle, lstat, unlink } from 'node:fs/promises';
import { join, posix } from 'node:path';
import type { Claim } from '../../ports/disk.ts';
import type { Verification } from '../../run/outcome.ts';
import type { Work } from '../../run/plan.ts';
import {
  fetchContent,
  getFile,
  here,
  LEAST_MODE,
  MOST_MODE,
  modeOf,
  OWNER_MAY,
  take,
  tooLarge,
} from '../copy/get.ts';
import type { Copied, Copy } from '../copy/open-copy.ts';
import { digestManyRemote } from '../copy/remote-digest.ts';
import { checkTrueName, expandHome, fetchedName } from '../copy/remote-path.ts';
import type { Content } from '../copy/verify.ts';
import { atOnce } from '../flow/at-once.ts';
import { open } from '../open-file.ts';
import { hostFolder, temporaryName } from '../part/file-names.ts';
import type { JailedFolder } from '../transfer-folder.ts';
import { stopTrouble, Trouble } from '../trouble.ts';
import { limitNotes } from './put-folder.ts';
import { type RemoteFile, readRemoteTree } from './remote-tree.ts';
import { FILES_AT_ONCE } from './staging.ts';
import { digestTree } from './tree.ts';

type GetWork = Extract<Work, { action: 'get' }>;

/** A file that has come, under its temporary name. */
interface Fetched extends RemoteFile {
  readonly part: string;
  readonly claim: Claim;
  readonly came: Content;
}

/**
 * Fetches a folder with all that is in it, into a folder of its host's own. All files come under temporary names, are
 * compared with the host's checksums, and only then get their names, each in one step. What is the same here already
 * stays as it is, and what lies here besides is not touched.
 */
export async function getFolder(
  copy: Copy,
  folder: JailedFolder,
  work: GetWork,
  maxBytes: number,
): Promise<Copied> {
  const { sftp, connection } = copy;
  const typed = await expandHome(sftp, work.remote.length > 1 ? work.remote.replace(/\/$/, '') : work.remote);
  const name = fetchedName(typed);
  const root = await sftp.realpath(typed);
  checkTrueName(root, work.remote, copy.mayTouch);
  const there = await sftp.lstat(root);
  if (!there) throw new Trouble('transfer-failed', `there is no ${typed} on the host`);
  if (there.kind === 'file') return await getFile(copy, folder, work, maxBytes);
  if (there.kind !== 'folder') throw new Trouble('transfer-failed', `${typed} is neither file nor folder`);

  const tree = await readRemoteTree(copy, root, work.remote);
  const parts = [work.local, hostFolder(connection.host.name), name];
  const into = await here(folder.makeFolder(parts));
  const alike = new Set<RemoteFile>();
  await atOnce(tree.files, FILES_AT_ONCE, async (one) => {
    const found = await lstat(join(into, one.path)).catch(() => undefined);
    if (found?.isFile() === true && found.size === one.stat.bytes) alike.add(one);
  });
  // Before the host is asked to read all of it.
  const foreseen = tree.files.filter((one) => !alike.has(one)).reduce((sum, { stat }) => sum + stat.bytes, 0);
  if (foreseen > maxBytes) throw tooLarge(typed, maxBytes);
  const sums = await digestManyRemote(
    copy,
    tree.files.map(({ path, stat }) => ({ path: posix.join(root, path), bytes: stat.bytes })),
  );
  const said = new Map(tree.files.map(({ path }, i) => [path, sums[i] ?? null]));
  const dirs = new Map<string, string>([['', into]]);
  for (const path of tree.folders)
    dirs.set(path, await here(folder.makeFolder([...parts, ...path.split('/')])));

  const unchanged = new Set<RemoteFile>();
  await atOnce(alike, FILES_AT_ONCE, async (one) => {
    const sum = said.get(one.path);
    if (sum && (await digestHere(join(into, one.path), one.stat.bytes)) === sum) unchanged.add(one);
  });
  const wanted = tree.files.filter((one) => !unchanged.has(one));
  const bytes = wanted.reduce((sum, { stat }) => sum + stat.bytes, 0);
  if (bytes > maxBytes) throw tooLarge(typed, maxBytes);
  await askRoom(folder, into, bytes);
  copy.meter.expect(bytes);

  const fetched: Fetched[] = [];
  const window = () => copy.window() / Math.min(FILES_AT_ONCE, wanted.length);
  let left = maxBytes;
  try {
    await atOnce(wanted, FILES_AT_ONCE, async (one) => {
      const part = join(dirOf(dirs, one.path), temporaryName(copy.runId));
      const claim = folder.claim(part);
      try {
        const came = await fetchOne(copy, { root, one, part, claim, window, typed: work.remote }, left);
        left -= came.bytes;
        if (left < 0) throw tooLarge(typed, maxBytes);
        fetched.push({ ...one, part, claim, came });
      } catch (error) {
        await unlink(part).catch(() => {});
        claim.drop();
        throw error;
      }
    });
    const verified = await verifyAll(copy, root, fetched, said);
    if (copy.signal.aborted) throw stopTrouble(copy.signal, 'while it copied');
    // Still the folders that were checked, and no link in their place.
    for (const path of ['', ...tree.folders]) {
      await here(folder.makeFolder(path === '' ? parts : [...parts, ...path.split('/')]));
    }
    await placeAll(copy, folder, work, { root, dirs, fetched });
    const all = [
      ...fetched.map(({ path, stat, came }) => ({
        path,
        mode: (stat.mode ?? 0) & 0o777,
        mtime: stat.mtime,
        ...came,
      })),
      ...[...unchanged].map(({ path, stat }) => ({
        path,
        mode: (stat.mode ?? 0) & 0o777,
        mtime: stat.mtime,
        bytes: stat.bytes,
        sha256: said.get(path) ?? '',
      })),
    ];
    return {
      file: {
        path: join(...parts),
        bytes: all.reduce((sum, one) => sum + one.bytes, 0),
        sha256: digestTree([], all),
        verified,
        folder: {
          copied: fetched.length,
          copiedBytes: fetched.reduce((sum, { came }) => sum + came.bytes, 0),
          unchanged: unchanged.size,
          leftOut: tree.leftOut,
        },
      },
      notes: limitNotes(tree.oddNames.map((odd) => `left out: ${odd}, which no file can be called here`)),
    };
  } finally {
    for (const { part, claim } of fetched) {
      await unlink(part).catch(() => {});
      claim.drop();
    }
  }
}

interface One {
  readonly root: string;
  readonly one: RemoteFile;
  readonly part: string;
  readonly claim: Claim;
  readonly window: () => number;
  readonly typed: string;
}

async function fetchOne(
  copy: Copy,
  { root, one, part, claim, window, typed }: One,
  left: number,
): Promise<Content> {
  const { sftp } = copy;
  const path = posix.join(root, one.path);
  // A folder on the way may have become a link since it was listed; and it is not followed again.
  const trueName = await sftp.realpath(path);
  if (trueName !== path) checkTrueName(trueName, typed, copy.mayTouch);
  const source = await sftp.open(trueName);
  await take(claim, one.stat.bytes);
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const file: FileHandle = await here(open(part, flags, OWNER_MAY));
  try {
    return await fetchContent(copy, source, { file, claim, taken: one.stat.bytes, window }, left);
  } finally {
    sftp.close(source).catch(() => {});
    await file.close();
  }
}

/** The weakest of what was compared of each: a file that was written to meanwhile is no fault. */
async function verifyAll(
  { sftp }: Copy,
  root: string,
  fetched: readonly Fetched[],
  said: ReadonlyMap<string, string | null>,
): Promise<Verification> {
  let verified: Verification = 'checksum';
  const weaken = (to: Verification) => {
    if (verified === 'checksum' || to === 'nothing') verified = to;
  };
  await atOnce(fetched, FILES_AT_ONCE, async ({ path, stat, came }) => {
    const sum = said.get(path) ?? null;
    if (sum === came.sha256) return;
    const now = await sftp.lstat(posix.join(root, path));
    if (now?.bytes !== came.bytes || now.mtime !== stat.mtime) return weaken('nothing');
    if (sum === null) return weaken('size');
    throw new Trouble(
      'transfer-failed',
      `${posix.join(root, path)} arrived with another checksum than it has on the host; nothing was put in place`,
    );
  });
  return verified;
}

async function placeAll(
  copy: Copy,
  folder: JailedFolder,
  work: GetWork,
  {
    root,
    dirs,
    fetched,
  }: {
    readonly root: string;
    readonly dirs: ReadonlyMap<string, string>;
    readonly fetched: readonly Fetched[];
  },
): Promise<void> {
  for (const { path, stat, part, claim } of fetched) {
    const into = dirOf(dirs, path);
    const name = posix.basename(path);
    const mode = (stat.mode ?? LEAST_MODE) & ((await modeOf(join(into, name))) ?? MOST_MODE) & MOST_MODE;
    const file = await here(open(part, constants.O_WRONLY | constants.O_NOFOLLOW));
    try {
      await here(file.chmod(mode | OWNER_MAY));
      if (work.options?.keep === true) await here(file.utimes(stat.mtime, stat.mtime));
    } finally {
      await file.close();
    }
    const origin = {
      kind: 'fetched',
      host: copy.connection.host.name,
      path: posix.join(root, path),
      by: copy.by,
    } as const;
    await here(folder.place(part, into, name, origin));
    claim.keep();
  }
}

function dirOf(dirs: ReadonlyMap<string, string>, path: string): string {
  const parent = posix.dirname(path);
  const dir = dirs.get(parent === '.' ? '' : parent);
  if (dir === undefined) throw new Error(`the folder of ${path} was not made`);
  return dir;
}

/** Before the first byte: all of it has to have room, though others may take it meanwhile. */
async function askRoom(folder: JailedFolder, into: string, bytes: number): Promise<void> {
  const claim = folder.claim(join(into, temporaryName('room')));
  try {
    await take(claim, bytes);
  } finally {
    claim.drop();
  }
}

/** Undefined where there is no such file here, or none that can be read. */
async function digestHere(path: string, bytes: number): Promise<string | undefined> {
  const stats = await lstat(path).catch(() => undefined);
  if (stats?.isFile() !== true || stats.size !== bytes) return undefined;
  const digest = createHash('sha256');
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 256 * 1024 })) digest.update(chunk);
  } catch {
    return undefined;
  }
  return digest.digest('hex');
}
