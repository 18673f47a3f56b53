import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import { Refusal } from '../../errors.ts';
import type { MovedFile } from '../../run/outcome.ts';
import type { Work } from '../../run/plan.ts';
import type { JailedFolder } from '../transfer-folder.ts';
import { stopTrouble, Trouble } from '../trouble.ts';
import type { Copy } from './copy.ts';
import { pumpOut } from './pump.ts';
import { digestRemote } from './remote-digest.ts';
import { checkTrueName, resolvePutTarget } from './remote-path.ts';
import type { SftpSession } from './sftp.ts';

/**
 * Sends a file under a temporary name next to its own, looks whether it arrived whole, and only then gives it
 * its name, in one step: whoever reads it on the host sees the old file or the new one, never half of it.
 */
export async function putFile(
  copy: Copy,
  folder: JailedFolder,
  work: Extract<Work, { action: 'put' }>,
): Promise<MovedFile> {
  const { file, stats } = await folder.openSource(work.local).catch((error: unknown) => {
    throw error instanceof Refusal ? new Trouble('transfer-failed', error.message) : error;
  });
  try {
    if (stats.size !== work.source.bytes) throw changed(work.local);
    const target = await resolvePutTarget(copy.sftp, work.remote, work.local);
    const part = posix.join(target.folder, `.${target.name.slice(0, 200)}.${copy.runId}.part`);
    const path = posix.join(target.folder, target.name);
    checkTrueName(path, work.remote, copy.mayTouch);

    const handle = await copy.sftp.open(part, 'wx', 0o600).catch(async (error: unknown) => {
      if (error instanceof Trouble && error.kind === 'transfer-failed') {
        throw new Trouble('transfer-failed', `${target.folder} cannot be written to: ${error.message}`);
      }
      // Stopped before the host's answer came: it may have made the file all the same.
      await copy.cleanUp(part);
      throw error;
    });
    try {
      const digest = createHash('sha256');
      const bytes = await pumpOut(
        async (buffer) => {
          const { bytesRead } = await file.read(buffer);
          digest.update(buffer.subarray(0, bytesRead));
          return bytesRead;
        },
        (chunk, position) => copy.sftp.write(handle, chunk, position),
      );
      // What was sent is what was approved, whatever has become of the file meanwhile.
      const sha256 = digest.digest('hex');
      if (bytes !== work.source.bytes || sha256 !== work.source.sha256) throw changed(work.local);
      await copy.sftp.setMode(handle, stats.mode & 0o777);
      await copy.sftp.close(handle);

      const arrived = await copy.sftp.stat(part);
      if (arrived?.bytes !== bytes) {
        throw new Trouble('transfer-failed', `${arrived?.bytes ?? 0} of ${bytes} bytes arrived`);
      }
      const found = await digestRemote(copy.connection, part, copy.silenceMs, copy.signal);
      if (copy.signal.aborted) throw stopTrouble(copy.signal, 'while it copied');
      if (found !== null && found !== sha256) {
        throw new Trouble('transfer-failed', 'what arrived has another checksum than what was sent');
      }
      await giveName(copy.sftp, part, path);
      return { path, bytes, sha256, verified: found !== null };
    } catch (error) {
      await copy.cleanUp(part);
      throw error;
    }
  } finally {
    await file.close();
  }
}

async function giveName(sftp: SftpSession, part: string, path: string): Promise<void> {
  if (await sftp.replace(part, path)) return;
  // Without OpenSSH's extension a rename onto an existing file fails (pitfall 8): it steps aside first, and
  // comes back where the new one does not take its place.
  const existing = await sftp.lstat(path);
  if (!existing) return sftp.rename(part, path);
  const aside = `${part}.old`;
  await sftp.rename(path, aside);
  try {
    await sftp.rename(part, path);
  } catch (error) {
    await sftp.rename(aside, path);
    throw error;
  }
  await sftp.unlink(aside);
}

function changed(local: string): Trouble {
  return new Trouble(
    'transfer-failed',
    `${local} has changed since the run was approved; nothing was put in place`,
  );
}
