import type { Verification } from '../../run/outcome.ts';
import { giveAttributes } from '../copy/attributes.ts';
import { backupName, keepOld } from '../copy/backup.ts';
import { checkFreeSpace } from '../copy/free-space.ts';
import type { Copied, Copy } from '../copy/open-copy.ts';
import { type PutWork, sourceChanged } from '../copy/put.ts';
import { digestManyRemote } from '../copy/remote-digest.ts';
import { readBack } from '../copy/verify.ts';
import { atOnce } from '../flow/at-once.ts';
import { pumpOut } from '../flow/pump.ts';
import { giveName } from '../part/part.ts';
import type { JailedFolder } from '../transfer-folder.ts';
import { stopTrouble, Trouble } from '../trouble.ts';
import { type Placed, planTree, type TreePlan } from './compare.ts';
import { makeMissing } from './remote-folders.ts';
import { FILES_AT_ONCE, openStaging, type Staging } from './staging.ts';
import { sumBytes, type Tree } from './tree.ts';

/**
 * Sends a folder with all that is in it. All files arrive in a hidden folder beside their places, are compared, and only
 * then get their names, each in one step: where one of them does not arrive, none is in place. Files that are
 * the same there already stay as they are, and nothing that is there besides is touched.
 */
export async function putFolder(copy: Copy, folder: JailedFolder, work: PutWork): Promise<Copied> {
  const { sftp } = copy;
  const tree = await folder.listSource(work.local);
  if (tree.sha256 !== work.source.sha256) throw sourceChanged(work.local);
  const plan = await planTree(copy, tree, work);
  const bytes = sumBytes(plan.toSend.map(({ file }) => file));
  const [first = plan.base.path] = plan.base.missing;
  await checkFreeSpace(copy, { folder: first, missing: plan.base.missing }, bytes);

  await makeMissing(copy, plan.base);
  for (const path of plan.folders) await sftp.makeFolder(path);
  let verified: Verification = 'checksum';
  const notes: string[] = [];
  if (plan.toSend.length > 0) {
    copy.meter.expect(bytes);
    const staging = await openStaging(copy, plan.base.path);
    notes.push(...(await sendAll(copy, folder, work, plan, staging)));
    verified = await verifyAll(copy, plan, staging);
    if (copy.signal.aborted) throw stopTrouble(copy.signal, 'while it copied');
    notes.push(...(await nameAll(copy, work, plan, staging)));
    await staging.remove();
  }
  notes.push(...(await giveFolderAttributes(copy, work, tree, plan)));
  return {
    file: {
      path: plan.base.path,
      bytes: tree.bytes,
      sha256: tree.sha256,
      verified,
      folder: {
        copied: plan.toSend.length,
        copiedBytes: bytes,
        unchanged: plan.unchanged.length,
        leftOut: tree.leftOut,
      },
    },
    notes: limitNotes(notes),
  };
}

async function sendAll(
  copy: Copy,
  folder: JailedFolder,
  work: PutWork,
  { toSend }: TreePlan,
  staging: Staging,
): Promise<readonly string[]> {
  const notes: string[] = [];
  const share = () => copy.window() / Math.min(FILES_AT_ONCE, toSend.length);
  await atOnce(toSend.entries(), FILES_AT_ONCE, async ([nth, { file, path, old }]) => {
    const { sftp } = copy;
    const source = copy.sources.read(await folder.openSource(`${work.local}/${file.path}`), file.path);
    try {
      const part = await sftp.create(staging.partOf(nth), 0o600);
      const sent = await pumpOut(
        () => source.next(),
        async (chunk, position) => {
          await sftp.write(part, chunk, position);
          copy.meter.moved(chunk.length);
        },
        share,
      );
      if (sent !== file.bytes || source.sha256() !== file.sha256)
        throw sourceChanged(`${work.local}/${file.path}`);
      const isKept = work.options?.keep === true;
      const left = await giveAttributes(sftp, part, old, { mode: file.mode, isKept });
      notes.push(...left.map((note) => `${path}: ${note}`));
      if (isKept) {
        const set = await sftp.attempt(sftp.setTimes(part, file.mtime));
        if ('trouble' in set) notes.push(`${path}: ${set.trouble.message}`);
      }
      await sftp.close(part);
    } finally {
      await source.close();
    }
  });
  return notes;
}

/** The weakest of what was compared of each. A `Trouble` where one is not what was sent. */
async function verifyAll(copy: Copy, { toSend }: TreePlan, staging: Staging): Promise<Verification> {
  const parts = toSend.map(({ file, path }, nth) => ({ ...file, path: staging.partOf(nth), place: path }));
  const sums = await digestManyRemote(copy, parts);
  let verified: Verification = 'checksum';
  let toReadBack = copy.limits.maxReadBackBytes;
  await atOnce(parts.entries(), FILES_AT_ONCE, async ([nth, { path, place, bytes, sha256 }]) => {
    const sum = sums[nth] ?? null;
    if (sum === sha256) return;
    const there = await copy.sftp.lstat(path);
    if (there?.bytes !== bytes) {
      throw new Trouble(
        'transfer-failed',
        `${place}: ${there?.bytes ?? 0} of ${bytes} bytes arrived; nothing was put in place`,
      );
    }
    if (sum !== null) throw arrivedOtherwise(place);
    toReadBack -= bytes;
    const back = toReadBack < 0 ? null : await readBack(copy, path, bytes);
    if (back !== null && back.sha256 !== sha256) throw arrivedOtherwise(place);
    if (back === null) verified = 'size';
    else if (verified === 'checksum') verified = 'read-back';
  });
  return verified;
}

function arrivedOtherwise(place: string): Trouble {
  return new Trouble(
    'transfer-failed',
    `${place}: what arrived has another checksum than what was sent; nothing was put in place`,
  );
}

/** From here on the folder changes: where this ends early, it is said how far it came. */
async function nameAll(
  copy: Copy,
  work: PutWork,
  { toSend }: TreePlan,
  staging: Staging,
): Promise<readonly string[]> {
  const notes: string[] = [];
  let named = 0;
  try {
    await atOnce(toSend.entries(), FILES_AT_ONCE, async ([nth, one]) => {
      notes.push(...(await nameOne(copy, work, one, staging.partOf(nth))));
      named += 1;
    });
  } catch (error) {
    if (!(error instanceof Trouble)) throw error;
    throw new Trouble(
      error.kind,
      `${named} of ${toSend.length} files are in their places, each of them whole; then: ${error.message}`,
    );
  }
  return notes;
}

async function nameOne(
  copy: Copy,
  work: PutWork,
  { path, old }: Placed,
  part: string,
): Promise<readonly string[]> {
  if (old && work.options?.backup === true) await keepOld(copy.sftp, path, backupName(copy, path));
  return await giveName(copy, { path: part }, { path }, { isNoted: false });
}

/** With `-p`: of unchanged files and of folders, the innermost first, as each file that comes changes a folder's time. */
async function giveFolderAttributes(
  { sftp }: Copy,
  work: PutWork,
  tree: Tree,
  plan: TreePlan,
): Promise<readonly string[]> {
  if (work.options?.keep !== true) return [];
  const notes: string[] = [];
  const give = async (path: string, { mode, mtime }: { readonly mode: number; readonly mtime: number }) => {
    const set = await sftp.attempt(sftp.setAttributes(path, { mode, mtime }));
    if ('trouble' in set) notes.push(set.trouble.message);
  };
  await atOnce(plan.unchanged, FILES_AT_ONCE, ({ path, file }) => give(path, file));
  for (const { path, ...one } of tree.folders.toReversed()) await give(`${plan.base.path}/${path}`, one);
  await give(plan.base.path, tree.root);
  return notes;
}

const MAX_NOTES = 5;

export function limitNotes(notes: readonly string[]): readonly string[] {
  if (notes.length <= MAX_NOTES) return notes;
  return [...notes.slice(0, MAX_NOTES), `and ${notes.length - MAX_NOTES} more of the kind`];
}
