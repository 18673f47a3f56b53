import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, lstat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf, Refusal } from '../../errors.ts';
import type { Claim } from '../../ports/disk.ts';
import type { Work } from '../../run/plan.ts';
import { Durable, writeAll } from '../flow/local-file.ts';
import { pumpIn, type Window } from '../flow/pump.ts';
import { open } from '../open-file.ts';
import { hostFolder, temporaryName } from '../part/file-names.ts';
import type { OpenFile } from '../sftp/session.ts';
import type { JailedFolder } from '../transfer-folder.ts';
import { stopTrouble, Trouble } from '../trouble.ts';
import type { Copied, Copy } from './open-copy.ts';
import { digestRemote } from './remote-digest.ts';
import { checkTrueName, expandHome, fetchedName } from './remote-path.ts';
import { type Content, verifyFetched } from './verify.ts';

/** What a host says of its file's mode goes no further than this: only the bot may write here. */
export const MOST_MODE = 0o755;
/** Where the host says nothing. */
export const LEAST_MODE = 0o600;
export const OWNER_MAY = 0o600;
/** The host is not to wait for our disk, nor memory to fill up for it. */
const WRITES_AT_ONCE = 4;

/**
 * Fetches a file into a folder of its host's own, also where there is one host only: a second host must not
 * change where the first one's file lies. Under a temporary name first; made durable, then named.
 */
export async function getFile(
  copy: Copy,
  folder: JailedFolder,
  work: Extract<Work, { action: 'get' }>,
  maxBytes: number,
): Promise<Copied> {
  const { sftp, connection } = copy;
  const path = await expandHome(sftp, work.remote);
  const name = fetchedName(path);
  if (!(await sftp.stat(path))) throw new Trouble('transfer-failed', `there is no ${path} on the host`);
  // From here on the true name: a link that is turned elsewhere meanwhile is not followed again.
  const trueName = await sftp.realpath(path);
  checkTrueName(trueName, work.remote, copy.mayTouch);
  const there = await sftp.stat(trueName);
  if (!there) throw new Trouble('transfer-failed', `there is no ${path} on the host`);
  if (there.kind === 'folder')
    throw new Trouble('transfer-failed', `${path} is a folder; -r fetches it with all that is in it`);
  if (there.kind !== 'file') throw new Trouble('transfer-failed', `${path} is not a regular file`);
  if (there.bytes > maxBytes) throw tooLarge(path, maxBytes);

  const source = await sftp.open(trueName);
  const parts = [work.local, hostFolder(connection.host.name)];
  const into = await here(folder.makeFolder(parts));
  const part = join(into, temporaryName(copy.runId));
  const claim = folder.claim(part);
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  let file: FileHandle | undefined;
  try {
    // As large as the host says, so that of many hosts those that begin can end; what comes beyond that is counted too.
    await take(claim, there.bytes);
    copy.meter.expect(there.bytes);
    file = await here(open(part, flags, OWNER_MAY));
    // The host reads it for us and for its checksum at the same time.
    const digest = digestRemote(copy, trueName, there.bytes);
    const came = await fetchContent(copy, source, { file, claim, taken: there.bytes }, maxBytes);
    const verified = await verifyFetched(copy, source, came, { ...there, sha256: await digest });
    // Nothing hangs on the answer: the channel ends soon, and the handle with it.
    sftp.close(source).catch(() => {});
    if (copy.signal.aborted) throw stopTrouble(copy.signal, 'while it copied');
    // Still the folder that was checked, and not a link in its place.
    await here(folder.makeFolder(parts));
    const final = join(into, name);
    // Never wider than there, whatever a file has here that was fetched when it was wider.
    const mode = (there.mode ?? LEAST_MODE) & ((await modeOf(final)) ?? MOST_MODE) & MOST_MODE;
    await here(file.chmod(mode | OWNER_MAY));
    if (work.options?.keep === true) await here(file.utimes(there.mtime, there.mtime));
    const origin = { kind: 'fetched', host: connection.host.name, path: trueName, by: copy.by } as const;
    await here(folder.place(part, into, name, origin));
    claim.keep();
    return { file: { path: join(work.local, parts[1] ?? '', name), ...came, verified }, notes: [] };
  } catch (error) {
    await unlink(part).catch(() => {});
    throw error;
  } finally {
    claim.drop();
    await file?.close();
  }
}

/** Where it comes to, and the room that it has there. */
export interface Destination {
  readonly file: FileHandle;
  readonly claim: Claim;
  /** So many bytes have their room already. */
  readonly taken: number;
  /** How much of it may be under way; the copy's own window where it is left out. */
  readonly window?: Window;
}

export async function fetchContent(
  copy: Copy,
  source: OpenFile,
  { file, claim, taken, window = copy.window }: Destination,
  maxBytes: number,
): Promise<Content> {
  const digest = createHash('sha256');
  const writing: Promise<void>[] = [];
  const durable = new Durable(file);
  let written = 0;
  try {
    const bytes = await pumpIn(
      (buffer, start, position) => copy.sftp.read(source, buffer, start, position),
      async (chunk, giveBack) => {
        const position = written;
        written += chunk.length;
        if (written > maxBytes) throw tooLarge(source.path, maxBytes);
        claim.came(chunk.length);
        // Also where that is nothing: the disk may be filling up by other hands.
        await take(claim, Math.max(0, Math.min(chunk.length, written - taken)));
        copy.meter.moved(chunk.length);
        digest.update(chunk);
        const ended = here(writeAll(file, chunk, position)).then(() => {
          giveBack();
          durable.wrote(chunk.length);
        });
        // Awaited below, in its turn.
        ended.catch(() => {});
        writing.push(ended);
        if (writing.length >= WRITES_AT_ONCE) await writing.shift();
      },
      { expectedBytes: taken, window },
    );
    await Promise.all(writing);
    await here(durable.end());
    return { bytes, sha256: digest.digest('hex') };
  } finally {
    await Promise.allSettled(writing);
    await durable.settle();
  }
}

export async function take(claim: Claim, bytes: number): Promise<void> {
  const shortage = await claim.grow(bytes);
  if (shortage !== undefined) throw new Trouble('transfer-failed', shortage);
}

/** Of the file that is replaced here; undefined where there is none. */
export async function modeOf(path: string): Promise<number | undefined> {
  const stats = await lstat(path).catch(() => undefined);
  return stats?.isFile() === true ? stats.mode : undefined;
}

export function tooLarge(path: string, maxBytes: number): Trouble {
  return new Trouble(
    'transfer-failed',
    `${path} is larger than the ${maxBytes} bytes that are fetched at most`,
  );
}

/** What the bot's own disk has against it is the copy's trouble, and no fault of the bot. */
export async function here<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const code = codeOf(error);
    if (error instanceof Refusal || typeof code !== 'string') throw error;
    if (code === 'ENOSPC' || code === 'EDQUOT') {
      throw new Trouble('transfer-failed', 'the disk of the bot is full');
    }
    throw new Trouble('transfer-failed', `the bot cannot write the file here (${code})`);
  }
}
