import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Refusal } from '../../errors.ts';
import type { MovedFile } from '../../run/outcome.ts';
import type { Work } from '../../run/plan.ts';
import type { JailedFolder } from '../transfer-folder.ts';
import { codeOf, stopTrouble, Trouble } from '../trouble.ts';
import type { Copy } from './copy.ts';
import { pumpIn } from './pump.ts';
import { digestRemote } from './remote-digest.ts';
import { checkTrueName, expandHome, fetchedName, hostFolder } from './remote-path.ts';

/**
 * Fetches a file into a folder of its host's own, also where there is one host only: a second host must not
 * change where the first one's file lies. Under a temporary name first; made durable, then named.
 */
export async function getFile(
  copy: Copy,
  folder: JailedFolder,
  work: Extract<Work, { action: 'get' }>,
  maxBytes: number,
): Promise<MovedFile> {
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
    throw new Trouble('transfer-failed', `${path} is a folder; one file is copied at a time`);
  if (there.kind !== 'file') throw new Trouble('transfer-failed', `${path} is not a regular file`);
  if (there.bytes > maxBytes) throw tooLarge(path, maxBytes);

  const source = await sftp.open(trueName, 'r', 0);
  const parts = [work.local, hostFolder(connection.host.name)];
  const into = await folder.makeFolder(parts).catch((error: unknown) => {
    throw error instanceof Refusal ? new Trouble('transfer-failed', error.message) : notWritten(error);
  });
  const part = join(into, `.${name.slice(0, 200)}.${copy.runId}.part`);
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const file = await open(part, flags, 0o644).catch((error: unknown) => {
    throw notWritten(error);
  });
  try {
    const digest = createHash('sha256');
    let written = 0;
    const bytes = await pumpIn(
      (buffer, start, position) => sftp.read(source, buffer, start, position),
      async (chunk) => {
        written += chunk.length;
        if (written > maxBytes) throw tooLarge(path, maxBytes);
        digest.update(chunk);
        await file.writeFile(chunk).catch((error: unknown) => {
          throw notWritten(error);
        });
      },
    );
    await file.sync();
    const sha256 = digest.digest('hex');
    const verified = await isSame(copy, source, trueName, bytes, sha256, there.mtime);
    await sftp.close(source);
    if (copy.signal.aborted) throw stopTrouble(copy.signal, 'while it copied');
    // Still the folder that was checked, and not a link in its place.
    await folder.makeFolder(parts);
    await rename(part, join(into, name)).catch((error: unknown) => {
      throw notWritten(error);
    });
    return { path: join(work.local, parts[1] ?? '', name), bytes, sha256, verified };
  } catch (error) {
    await unlink(part).catch(() => {});
    throw error;
  } finally {
    await file.close();
  }
}

/** Whether the host computes the same checksum. One that cannot, or a file that is being written, is no fault. */
async function isSame(
  copy: Copy,
  source: Buffer,
  path: string,
  bytes: number,
  sha256: string,
  mtime: number,
): Promise<boolean> {
  const full = path.startsWith('/') ? path : await copy.sftp.realpath(path);
  const found = await digestRemote(copy.connection, full, copy.silenceMs, copy.signal);
  if (found === null) return false;
  if (found === sha256) return true;
  const now = await copy.sftp.fstat(source);
  if (now?.bytes !== bytes || now.mtime !== mtime) return false;
  throw new Trouble('transfer-failed', `${path} arrived with another checksum than it has on the host`);
}

function tooLarge(path: string, maxBytes: number): Trouble {
  return new Trouble(
    'transfer-failed',
    `${path} is larger than the ${maxBytes} bytes that are fetched at most`,
  );
}

function notWritten(error: unknown): unknown {
  const code = codeOf(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new Trouble('transfer-failed', 'the disk of the bot is full');
  }
  if (typeof code === 'string')
    return new Trouble('transfer-failed', `the bot cannot write the file here (${code})`);
  return error;
}
