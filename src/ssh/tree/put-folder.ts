import type { Verification } from '../../run/outcome.ts';
import { backupName, keepOld } from '../copy/backup.ts';
import { checkFreeSpace } from '../copy/free-space.ts';
import type { Copied, Copy, PutWork } from '../copy/open-copy.ts';
import { sourceChanged } from '../copy/put.ts';
import { makeMissing } from '../copy/remote-path.ts';
import { atOnce } from '../flow/at-once.ts';
import { giveName } from '../part/part.ts';
import type { JailedFolder } from '../transfer-folder.ts';
import { cutOff, stopTrouble, Trouble } from '../trouble.ts';
import { planTree, type TreePlan } from './compare.ts';
import { findArrived, type Staged, sendAll, verifyAll } from './send-tree.ts';
import { FILES_AT_ONCE, openStaging, stagedNames } from './staging.ts';
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
  await checkFreeSpace(copy, { folder: plan.base.path, missing: plan.base.missing }, bytes);

  await makeMissing(copy, plan.base);
  for (const path of plan.folders) await sftp.makeFolder(path);
  const { verified, notes } =
    plan.toSend.length === 0
      ? { verified: 'checksum' as const, notes: [] }
      : await bring(copy, folder, work, plan);
  const left = await giveFolderAttributes(copy, work, tree, plan);
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
    notes: limitNotes([...notes, ...left]),
  };
}

interface Brought {
  readonly verified: Verification;
  readonly notes: readonly string[];
}

async function bring(copy: Copy, folder: JailedFolder, work: PutWork, plan: TreePlan): Promise<Brought> {
  const notes: string[] = [];
  const names = stagedNames(plan.toSend.map(({ file }) => file));
  const staging = await openStaging(copy, plan.base.path, names, work.options?.resume === true);
  const staged = plan.toSend.map((one, i): Staged => {
    const name = names[i] ?? '';
    return { ...one, name, part: staging.pathOf(name) };
  });
  const arrived = await findArrived(copy, staged, staging);
  if (arrived.size > 0) notes.push(`${arrived.size} of them had come with a broken copy`);
  copy.meter.expect(sumBytes(staged.filter((one) => !arrived.has(one)).map(({ file }) => file)));
  notes.push(...(await sendAll(copy, folder, work, staged, arrived)));
  const verified = await verifyAll(copy, staged);
  if (copy.signal.aborted) throw stopTrouble(copy.signal, 'while it copied');
  if (copy.mayBegin?.() === false) throw cutOff('while it copied');
  notes.push(...(await nameAll(copy, work, staged)));
  await staging.remove();
  return { verified, notes };
}

/** From here on the folder changes: where this ends early, it is said how far it came. */
async function nameAll(copy: Copy, work: PutWork, staged: readonly Staged[]): Promise<readonly string[]> {
  const notes: string[] = [];
  let named = 0;
  try {
    await atOnce(staged, FILES_AT_ONCE, async ({ path, old, part }) => {
      if (old && work.options?.backup === true) await keepOld(copy.sftp, path, backupName(copy, path));
      notes.push(...(await giveName(copy, { path: part }, { path }, { isNoted: false })));
      named += 1;
    });
  } catch (error) {
    if (!(error instanceof Trouble)) throw error;
    throw new Trouble(
      error.kind,
      `${named} of ${staged.length} files are in their places, each of them whole; then: ${error.message}`,
    );
  }
  return notes;
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
