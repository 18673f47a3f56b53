import { createHash } from 'node:crypto';
import type { Verification } from '../../run/outcome.ts';
import { pumpIn } from '../flow/pump.ts';
import { StepTrouble } from '../sftp/refusal.ts';
import type { OpenFile } from '../sftp/session.ts';
import { Trouble } from '../trouble.ts';
import type { Copy } from './open-copy.ts';
import { digestRemote } from './remote-digest.ts';

export interface Content {
  readonly bytes: number;
  readonly sha256: string;
}

/** Looks whether what lies on the host is what was sent, as far as the host lets us. A `Trouble` where it is not. */
export async function verifySent(copy: Copy, path: string, sent: Content): Promise<Verification> {
  const computed = await digestRemote(copy, path, sent.bytes);
  if (computed !== null) {
    if (computed === sent.sha256) return 'checksum';
    throw new Trouble('transfer-failed', 'what arrived has another checksum than what was sent');
  }
  if (sent.bytes > copy.limits.maxReadBackBytes) return 'size';
  const there = await readBack(copy, path, sent.bytes);
  if (there === null) return 'size';
  if (there.bytes === sent.bytes && there.sha256 === sent.sha256) return 'read-back';
  throw new Trouble('transfer-failed', 'what arrived, read back, is not what was sent');
}

/** What the host said of a file before it was fetched, and its checksum as of meanwhile: null where there is none. */
export interface SaidOfSource {
  readonly mtime: number;
  readonly bytes: number;
  readonly sha256: string | null;
}

/** The same for what was fetched. A file that was being written meanwhile is no fault. */
export async function verifyFetched(
  copy: Copy,
  source: OpenFile,
  came: Content,
  before: SaidOfSource,
): Promise<Verification> {
  if (before.sha256 === came.sha256) return 'checksum';
  // Another one as of a file that grew at that moment; none as of a host that was too busy with sending.
  const mayBeBusy = before.sha256 !== null || before.bytes > copy.limits.maxReadBackBytes;
  const computed = mayBeBusy ? await digestRemote(copy, source.path, came.bytes) : null;
  if (computed === came.sha256) return 'checksum';
  const looked = await copy.sftp.attempt(copy.sftp.fstat(source));
  const now = 'value' in looked ? looked.value : undefined;
  if (now?.bytes !== came.bytes) return 'nothing';
  if (computed === null) return 'size';
  if (now.mtime !== before.mtime) return 'nothing';
  throw new Trouble(
    'transfer-failed',
    `${source.path} arrived with another checksum than it has on the host`,
  );
}

/** Null where the host does not let it be read, as in folders that are only written to. */
export async function readBack({ sftp, window }: Copy, path: string, most: number): Promise<Content | null> {
  try {
    const file = await sftp.open(path);
    const digest = createHash('sha256');
    let bytes = 0;
    await pumpIn(
      (buffer, start, position) => sftp.read(file, buffer, start, position),
      async (chunk, giveBack) => {
        bytes += chunk.length;
        digest.update(chunk);
        giveBack();
        if (bytes > most) throw new Trouble('transfer-failed', 'more lies on the host than was sent');
      },
      { expectedBytes: most, window },
    );
    // Nothing hangs on the answer: the channel ends soon, and the handle with it.
    sftp.close(file).catch(() => {});
    return { bytes, sha256: digest.digest('hex') };
  } catch (error) {
    if (error instanceof StepTrouble) return null;
    throw error;
  }
}
