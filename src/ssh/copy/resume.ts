import { createHash } from 'node:crypto';
import { codeOf } from '../../errors.ts';
import type { Chunks } from '../flow/pump.ts';
import type { SourceReader } from '../flow/shared-source.ts';
import type { OpenFile } from '../sftp/session.ts';
import type { JailedFolder } from '../transfer-folder.ts';
import { Trouble } from '../trouble.ts';
import type { Copy, PutWork } from './open-copy.ts';
import { digestRemote } from './remote-digest.ts';
import type { PutTarget } from './remote-path.ts';

/** Of one host's broken copies into one folder, so many are looked at. */
const MOST_LOOKED_AT = 4;

/** A half file that is gone on with. */
export interface Resumed {
  readonly part: OpenFile;
  /** So many bytes are there. */
  readonly from: number;
}

/**
 * The half file of an earlier put, where it is the beginning of what is to be sent: by the host's own checksum of it.
 * Only one that is on record as ours is looked at. Undefined where there is none, or the host computes no checksums.
 */
export async function findHalf(
  copy: Copy,
  folder: JailedFolder,
  work: PutWork,
  target: PutTarget,
): Promise<Resumed | undefined> {
  const { sftp, leftovers, connection, runId } = copy;
  const earlier = await leftovers.listEarlier(connection.host.name, runId, target.folder);
  for (const path of earlier.slice(0, MOST_LOOKED_AT)) {
    const there = await sftp.lstat(path);
    const from = there?.bytes ?? 0;
    if (there?.kind !== 'file' || from === 0 || from > work.source.bytes) continue;
    const sum = await digestRemote(copy, path, from);
    if (sum === null || sum !== (await digestBeginning(folder, work.local, from))) continue;
    // This run's from here on: should it end early, it is removed or gone on with in its turn.
    await leftovers.note(copy.leftover(path, null));
    return { part: await sftp.openExisting(path), from };
  }
  return undefined;
}

async function digestBeginning(folder: JailedFolder, local: string, bytes: number): Promise<string> {
  const { file } = await folder.openSource(local);
  const digest = createHash('sha256');
  try {
    for await (const chunk of file.createReadStream({
      autoClose: false,
      end: bytes - 1,
      highWaterMark: 256 * 1024,
    })) {
      digest.update(chunk);
    }
    return digest.digest('hex');
  } catch (error) {
    throw new Trouble(
      'transfer-failed',
      `the bot cannot read ${local} here (${codeOf(error) ?? 'the disk fails'})`,
    );
  } finally {
    await file.close();
  }
}

/** The chunks behind the first `from` bytes; those are read too, for the digest of all. */
export function chunksFrom(source: SourceReader, from: number): Chunks {
  let left = from;
  return {
    async next() {
      for (;;) {
        const chunk = await source.next();
        if (chunk.length === 0 || left === 0) return chunk;
        const skipped = Math.min(left, chunk.length);
        left -= skipped;
        if (skipped < chunk.length) return chunk.subarray(skipped);
        source.giveBack();
      }
    },
    giveBack: () => source.giveBack(),
  };
}
