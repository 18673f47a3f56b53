import { posix } from 'node:path';
import type { Copy } from '../copy/open-copy.ts';
import type { PutTarget } from '../copy/remote-path.ts';
import { RemoteRefusal } from '../sftp/refusal.ts';
import type { OpenFile } from '../sftp/session.ts';
import { Trouble } from '../trouble.ts';
import { showTemporary, temporaryName } from './file-names.ts';

/**
 * A file under a temporary name beside its own, for the eyes of the login only. Known in the store before the
 * host hears of it: whatever happens from here on, it is found again.
 */
export async function makePart(copy: Copy, target: PutTarget): Promise<OpenFile> {
  const path = posix.join(target.folder, temporaryName(copy.runId));
  const leftover = copy.leftover(path, null);
  await copy.leftovers.note(leftover);
  try {
    return await copy.sftp.create(path);
  } catch (error) {
    if (!(error instanceof RemoteRefusal)) throw error;
    await copy.leftovers.forget(leftover);
    throw target.old && error.isDenied ? noRoomBeside(target) : error;
  }
}

/**
 * Gives the part its name. Tells what of it did not come about; the file is in its place then all the same. Where
 * the host was asked and did not answer, what it did is not known, and the `Trouble` says so. `isNoted`: the part is on record by itself.
 */
export async function giveName(
  copy: Copy,
  part: Pick<OpenFile, 'path'>,
  target: Pick<PutTarget, 'path'>,
  how: { readonly isNoted: boolean } = { isNoted: true },
): Promise<readonly string[]> {
  const { sftp, leftovers } = copy;
  const arrived = copy.leftover(part.path, null);
  const forgetPart = () => (how.isNoted ? leftovers.forget(arrived) : Promise.resolve());
  const name = async <T>(step: Promise<T>): Promise<T> => {
    try {
      return await step;
    } catch (error) {
      throw error instanceof Trouble ? inDoubt(error, target) : error;
    }
  };
  if (await name(sftp.replace(part.path, target.path))) {
    await forgetPart();
    return [];
  }
  // Without OpenSSH's extension a rename onto an existing file fails (pitfall 8): it steps aside first, and
  // comes back where the new one does not take its place.
  if (!(await sftp.lstat(target.path))) {
    await name(sftp.rename(part.path, target.path));
    await forgetPart();
    return [];
  }
  const aside = `${part.path}.old`;
  const old = copy.leftover(aside, target.path);
  await leftovers.note(old);
  await name(sftp.rename(target.path, aside));
  try {
    await name(sftp.rename(part.path, target.path));
  } catch (error) {
    const back = await name(sftp.attempt(sftp.rename(aside, target.path)));
    if ('value' in back) {
      await leftovers.forget(old);
      throw error;
    }
    if (!(error instanceof Trouble)) throw error;
    const isKnown = error instanceof RemoteRefusal && back.trouble instanceof RemoteRefusal;
    const where = `the old file ${isKnown ? 'is' : 'may be'} at ${showTemporary(aside)} now`;
    throw new Trouble(error.kind, `${error.message}; ${where}: ${back.trouble.message}`);
  }
  await forgetPart();
  try {
    await sftp.unlink(aside);
  } catch (error) {
    if (!(error instanceof Trouble)) throw error;
    return [`the old file is still there: ${error.message}`];
  }
  await leftovers.forget(old);
  return [];
}

/** Only the host's no says that a name is as it was. */
function inDoubt(trouble: Trouble, { path }: Pick<PutTarget, 'path'>): Trouble {
  if (trouble instanceof RemoteRefusal) return trouble;
  const doubt = `${path} was being given its new file: whether it has it is not known`;
  return new Trouble(
    trouble.kind === 'transfer-failed' ? 'lost' : trouble.kind,
    `${trouble.message}; ${doubt}`,
  );
}

function noRoomBeside({ folder, path }: PutTarget): Trouble {
  return new Trouble(
    'transfer-failed',
    `making a file beside ${path}: permission denied. A file is only replaced as a whole, by one that was written ` +
      `beside it first: let the login write to ${folder}, or put it elsewhere and copy it over with ` +
      `/batch_run (cat NEW > ${path})`,
  );
}
