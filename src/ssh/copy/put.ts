import type { Work } from '../../run/plan.ts';
import { pumpOut } from '../flow/pump.ts';
import type { SourceReader } from '../flow/shared-source.ts';
import { giveName, makePart } from '../part/part.ts';
import { RemoteRefusal, StepTrouble } from '../sftp/refusal.ts';
import type { OpenFile, SftpSession } from '../sftp/session.ts';
import type { JailedFolder } from '../transfer-folder.ts';
import { stopTrouble, Trouble } from '../trouble.ts';
import { checkPrivate, giveAttributes } from './attributes.ts';
import type { Copied, Copy } from './open-copy.ts';
import { checkTrueName, resolvePutTarget } from './remote-path.ts';
import { type Content, verifySent } from './verify.ts';

type Put = Extract<Work, { action: 'put' }>;

/**
 * Sends a file under a temporary name next to its own, looks whether it arrived whole, and only then gives it
 * its name, in one step: whoever reads it on the host sees the old file or the new one, never half of it.
 */
export async function putFile(copy: Copy, folder: JailedFolder, work: Put): Promise<Copied> {
  const { sftp, signal } = copy;
  const source = copy.sources.read(await folder.openSource(work.local), work.local);
  const { stats } = source;
  try {
    if (stats.size !== work.source.bytes) throw changed(work.local);
    const target = await resolvePutTarget(sftp, work.remote, work.local);
    checkTrueName(target.path, work.remote, copy.mayTouch);
    try {
      const part = await makePart(copy, target);
      await checkPrivate(sftp, part, target.old);
      const sent = await send(copy, part, source, work);
      const notes = await giveAttributes(sftp, part, target.old, stats.mode);
      await sftp.close(part);
      await checkArrived(sftp, part, sent, target.path);
      const verified = await verifySent(copy, part.path, sent);
      if (signal.aborted) throw stopTrouble(signal, 'while it copied');
      const left = await giveName(copy, part, target);
      return { file: { path: target.path, ...sent, verified }, notes: [...notes, ...left] };
    } catch (error) {
      throw await withFreeSpace(sftp, target.folder, error);
    }
  } finally {
    await source.close();
  }
}

/** What was sent is what was approved, whatever has become of the file meanwhile. */
async function send(copy: Copy, part: OpenFile, source: SourceReader, work: Put): Promise<Content> {
  const bytes = await pumpOut(
    () => source.next(),
    (chunk, position) => copy.sftp.write(part, chunk, position),
    copy.window,
  );
  const sha256 = source.sha256();
  if (bytes !== work.source.bytes || sha256 !== work.source.sha256) throw changed(work.local);
  return { bytes, sha256 };
}

async function checkArrived(sftp: SftpSession, part: OpenFile, sent: Content, path: string): Promise<void> {
  const arrived = await sftp.stat(part.path);
  const step = { limit: 'last', doing: 'looking at', path: part.path } as const;
  if (!arrived) {
    throw new StepTrouble(
      'transfer-failed',
      step,
      `it is gone, though the host took all ${sent.bytes} bytes: something there takes files away as they arrive, ` +
        `under the name that they have just then; it was not made ${path}`,
    );
  }
  if (arrived.bytes !== sent.bytes) {
    throw new StepTrouble('transfer-failed', step, `${arrived.bytes} of ${sent.bytes} bytes arrived`);
  }
}

/** A host that says no more than "Failure" is asked whether its disk is full. */
async function withFreeSpace(sftp: SftpSession, folder: string, error: unknown): Promise<unknown> {
  if (!(error instanceof RemoteRefusal) || !error.isBare) return error;
  // The session may be over by now: then that is all there is to say.
  const space = await sftp.attempt(sftp.freeBytes(folder)).catch(() => undefined);
  if (space === undefined || 'trouble' in space) return error;
  const words =
    space.value === 0 ? `no space is left in ${folder}` : `${space.value} bytes are free in ${folder}`;
  return new Trouble('transfer-failed', `${error.message}; ${words}`);
}

function changed(local: string): Trouble {
  return new Trouble(
    'transfer-failed',
    `${local} has changed since the run was approved; nothing was put in place`,
  );
}
