import { pumpOut } from '../flow/pump.ts';
import type { SourceReader } from '../flow/shared-source.ts';
import { giveName, makePart } from '../part/part.ts';
import type { RemoteSpace } from '../sftp/answers.ts';
import { RemoteRefusal, StepTrouble } from '../sftp/refusal.ts';
import type { OpenFile, SftpSession } from '../sftp/session.ts';
import type { JailedFolder } from '../transfer-folder.ts';
import { cutOff, stopTrouble, Trouble } from '../trouble.ts';
import { checkPrivate, giveAttributes } from './attributes.ts';
import { backupName, checkCanKeep, keepOld } from './backup.ts';
import { checkFreeSpace } from './free-space.ts';
import type { Copied, Copy, PutWork } from './open-copy.ts';
import { checkMissing, checkTrueName, makeMissing, resolvePutTarget } from './remote-path.ts';
import { chunksFrom, findHalf } from './resume.ts';
import { type Content, verifySent } from './verify.ts';

/**
 * Sends a file under a temporary name next to its own, looks whether it arrived whole, and only then gives it
 * its name, in one step: whoever reads it on the host sees the old file or the new one, never half of it.
 */
export async function putFile(copy: Copy, folder: JailedFolder, work: PutWork): Promise<Copied> {
  const { sftp, signal } = copy;
  const source = copy.sources.read(await folder.openSource(work.local), work.local);
  const { stats } = source;
  try {
    if (stats.size !== work.source.bytes) throw sourceChanged(work.local);
    const target = await resolvePutTarget(copy, work);
    const { options = {} } = work;
    checkMissing(copy, work.remote, target);
    checkTrueName(target.path, work.remote, copy.mayTouch);
    const backup = options.backup === true && target.old ? backupName(copy, target.path) : undefined;
    if (backup !== undefined) {
      checkTrueName(backup, work.remote, copy.mayTouch);
      checkCanKeep(sftp, target.path);
    }
    await checkFreeSpace(copy, target, work.source.bytes);
    await makeMissing(copy, target);
    try {
      const half = options.resume === true ? await findHalf(copy, folder, work, target) : undefined;
      const part = half?.part ?? (await makePart(copy, target));
      await checkPrivate(sftp, part, target.old);
      const sent = await send(copy, part, source, work, half?.from ?? 0);
      const isKept = options.keep === true;
      const notes = [...(await giveAttributes(sftp, part, target.old, { mode: stats.mode, isKept }))];
      if (half) notes.push(`went on behind the ${half.from} bytes that a broken copy had left`);
      if (isKept) notes.push(...(await giveTime(sftp, part, stats.mtimeMs)));
      await sftp.close(part);
      await checkArrived(sftp, part, sent, target.path);
      const verified = await verifySent(copy, part.path, sent);
      if (signal.aborted) throw stopTrouble(signal, 'while it copied');
      if (copy.mayBegin?.() === false) throw cutOff('while it copied');
      if (backup !== undefined) await keepOld(sftp, target.path, backup);
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
async function send(
  copy: Copy,
  part: OpenFile,
  source: SourceReader,
  work: PutWork,
  from: number,
): Promise<Content> {
  copy.meter.expect(work.source.bytes - from);
  const sent = await pumpOut(
    chunksFrom(source, from),
    async (chunk, position) => {
      await copy.sftp.write(part, chunk, from + position);
      copy.meter.moved(chunk.length);
    },
    copy.window,
  );
  const bytes = from + sent;
  const sha256 = source.sha256();
  if (bytes !== work.source.bytes || sha256 !== work.source.sha256) throw sourceChanged(work.local);
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

async function giveTime(sftp: SftpSession, part: OpenFile, mtimeMs: number): Promise<readonly string[]> {
  const set = await sftp.attempt(sftp.setTimes(part, Math.trunc(mtimeMs / 1_000)));
  return 'trouble' in set ? [set.trouble.message] : [];
}

/** A host that says no more than "Failure" is asked whether its disk is full. */
async function withFreeSpace(sftp: SftpSession, folder: string, error: unknown): Promise<unknown> {
  if (!(error instanceof RemoteRefusal) || !error.isBare) return error;
  // The session may be over by now: then that is all there is to say.
  const space = await sftp.attempt(sftp.freeSpace(folder)).catch(() => undefined);
  if (space === undefined || 'trouble' in space) return error;
  return new Trouble('transfer-failed', `${error.message}; ${describeSpace(space.value, folder)}`);
}

function describeSpace({ bytes, takesNoFile }: RemoteSpace, folder: string): string {
  if (bytes === 0) return `no space is left in ${folder}`;
  if (takesNoFile) return `no file more can be made in ${folder}: the inodes of its disk are used up`;
  return `${bytes} bytes are free in ${folder}`;
}

export function sourceChanged(local: string): Trouble {
  return new Trouble(
    'transfer-failed',
    `${local} has changed since the run was approved; nothing was put in place`,
  );
}
