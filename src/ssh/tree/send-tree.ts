import type { Verification } from '../../run/outcome.ts';
import { giveAttributes } from '../copy/attributes.ts';
import type { Copy, PutWork } from '../copy/open-copy.ts';
import { sourceChanged } from '../copy/put.ts';
import { digestManyRemote } from '../copy/remote-digest.ts';
import { readBack } from '../copy/verify.ts';
import { atOnce } from '../flow/at-once.ts';
import { pumpOut } from '../flow/pump.ts';
import type { OpenFile } from '../sftp/session.ts';
import type { JailedFolder } from '../transfer-folder.ts';
import { Trouble } from '../trouble.ts';
import type { Placed } from './compare.ts';
import { FILES_AT_ONCE, type Staging } from './staging.ts';

/** A file that is to be sent, and where it lies until it gets its name. */
export interface Staged extends Placed {
  readonly part: string;
  /** In the hidden folder. */
  readonly name: string;
}

/** Those that a broken copy sent whole, by the host's checksums; what of it is half is removed. */
export async function findArrived(
  copy: Copy,
  staged: readonly Staged[],
  { there }: Staging,
): Promise<ReadonlySet<Staged>> {
  const known = staged.filter(({ name }) => there.has(name));
  const whole = known.filter(({ name, file }) => there.get(name) === file.bytes);
  const sums = await digestManyRemote(
    copy,
    whole.map(({ part, file }) => ({ path: part, bytes: file.bytes })),
  );
  const arrived = new Set(whole.filter(({ file }, i) => sums[i] === file.sha256));
  const half = known.filter((one) => !arrived.has(one));
  await atOnce(half, FILES_AT_ONCE, ({ part }) => copy.sftp.unlink(part));
  return arrived;
}

/** Tells what of modes, owners and times did not come about. */
export async function sendAll(
  copy: Copy,
  folder: JailedFolder,
  work: PutWork,
  staged: readonly Staged[],
  arrived: ReadonlySet<Staged>,
): Promise<readonly string[]> {
  const { sftp } = copy;
  const notes: string[] = [];
  const isKept = work.options?.keep === true;
  const window = () => copy.window() / Math.min(FILES_AT_ONCE, staged.length);
  await atOnce(staged, FILES_AT_ONCE, async (one) => {
    const { file, path, old } = one;
    const isThere = arrived.has(one);
    const part = isThere ? await sftp.openExisting(one.part) : await sftp.create(one.part);
    if (!isThere) await send(copy, folder, `${work.local}/${file.path}`, part, one, window);
    const left = await giveAttributes(sftp, part, old, { mode: file.mode, isKept });
    notes.push(...left.map((note) => `${path}: ${note}`));
    if (isKept) {
      const set = await sftp.attempt(sftp.setTimes(part, file.mtime));
      if ('trouble' in set) notes.push(`${path}: ${set.trouble.message}`);
    }
    await sftp.close(part);
  });
  return notes;
}

async function send(
  copy: Copy,
  folder: JailedFolder,
  local: string,
  part: OpenFile,
  { file }: Placed,
  window: () => number,
): Promise<void> {
  const source = copy.sources.read(await folder.openSource(local), local);
  try {
    const sent = await pumpOut(
      source,
      async (chunk, position) => {
        await copy.sftp.write(part, chunk, position);
        copy.meter.moved(chunk.length);
      },
      window,
    );
    if (sent !== file.bytes || source.sha256() !== file.sha256) throw sourceChanged(local);
  } finally {
    await source.close();
  }
}

/** The weakest of what was compared of each. A `Trouble` where one is not what was sent. */
export async function verifyAll(copy: Copy, staged: readonly Staged[]): Promise<Verification> {
  const sums = await digestManyRemote(
    copy,
    staged.map(({ part, file }) => ({ path: part, bytes: file.bytes })),
  );
  let verified: Verification = 'checksum';
  let toReadBack = copy.limits.maxReadBackBytes;
  await atOnce(staged.entries(), FILES_AT_ONCE, async ([nth, { part, path, file }]) => {
    const sum = sums[nth] ?? null;
    if (sum === file.sha256) return;
    const there = await copy.sftp.lstat(part);
    if (there?.bytes !== file.bytes) {
      throw new Trouble(
        'transfer-failed',
        `${path}: ${there?.bytes ?? 0} of ${file.bytes} bytes arrived; nothing was put in place`,
      );
    }
    if (sum !== null) throw arrivedOtherwise(path);
    toReadBack -= file.bytes;
    const back = toReadBack < 0 ? null : await readBack(copy, part, file.bytes);
    if (back !== null && back.sha256 !== file.sha256) throw arrivedOtherwise(path);
    if (back === null) verified = 'size';
    else if (verified === 'checksum') verified = 'read-back';
  });
  return verified;
}

function arrivedOtherwise(path: string): Trouble {
  return new Trouble(
    'transfer-failed',
    `${path}: what arrived has another checksum than what was sent; nothing was put in place`,
  );
}
