import type { RemoteStat } from '../sftp/answers.ts';
import type { OpenFile, SftpSession } from '../sftp/session.ts';
import { Trouble } from '../trouble.ts';

/** What a file may be given by us: never setuid, setgid or sticky. */
const PERMISSIONS = 0o777;
const GROUP = 0o070;

/**
 * Stops where a host makes files that more people may read than the one that is to be replaced, and lets nobody
 * change that: before the first byte, since the content may be a key.
 */
export async function checkPrivate(
  sftp: SftpSession,
  part: OpenFile,
  old: RemoteStat | undefined,
): Promise<void> {
  const oldMode = old?.mode;
  if (oldMode === undefined) return;
  const isWider = async () => {
    const made = await sftp.attempt(sftp.fstat(part));
    return 'value' in made && ((made.value?.mode ?? 0) & ~oldMode & 0o077) !== 0;
  };
  if (!(await isWider())) return;
  const changed = await sftp.attempt(sftp.setMode(part, 0o600));
  if (!(await isWider())) return;
  const why = 'trouble' in changed ? changed.trouble.message : 'it does not keep the mode that it is given';
  throw new Trouble(
    'transfer-failed',
    `more people could read the new file than the old one of mode ${formatMode(oldMode)}: ${why}; nothing was sent`,
  );
}

/**
 * Gives the part what the file had that it replaces; a new one gets its source's mode. Best effort: tells what it
 * did not get. With `isKept` (`-p`) the old one's mode does not count. The owner comes first, since changing it is what may turn bits off; and where a group is not kept,
 * its rights are not given to another one.
 */
export async function giveAttributes(
  sftp: SftpSession,
  part: OpenFile,
  old: RemoteStat | undefined,
  source: { readonly mode: number; readonly isKept: boolean },
): Promise<readonly string[]> {
  const owner = old === undefined ? KEPT : await keepOwner(sftp, part, old);
  const wanted = source.isKept ? source.mode : (old?.mode ?? source.mode);
  const notes = [...owner.notes];
  let mode = wanted & PERMISSIONS;
  if (!owner.isGroupKept) {
    // What anybody may do, another group may too.
    mode &= ~GROUP | ((mode & 0o007) << 3);
    if (mode !== (wanted & PERMISSIONS)) {
      notes.push(
        `its mode is ${formatMode(mode)}, not ${formatMode(wanted & PERMISSIONS)}, since the group is another one`,
      );
    }
  }
  if (old?.mode !== undefined && (old.mode & ~PERMISSIONS) !== 0) {
    notes.push(
      `the old file's setuid, setgid or sticky bit (mode ${formatMode(old.mode)}) is never given to a new one`,
    );
  }
  const set = await sftp.attempt(sftp.setMode(part, mode));
  if ('trouble' in set) {
    const made = await sftp.attempt(sftp.fstat(part));
    const is = 'value' in made ? made.value?.mode : undefined;
    if (is === undefined || (is & PERMISSIONS) !== mode) {
      const now = is === undefined ? 'is not known' : `is ${formatMode(is)}`;
      notes.push(`its mode should be ${formatMode(mode)} and ${now} (${set.trouble.words})`);
    }
  }
  return notes;
}

interface OwnerKept {
  readonly isGroupKept: boolean;
  readonly notes: readonly string[];
}

const KEPT: OwnerKept = { isGroupKept: true, notes: [] };

async function keepOwner(sftp: SftpSession, part: OpenFile, old: RemoteStat): Promise<OwnerKept> {
  const { uid, gid } = old;
  // A host that tells no owners has none to keep.
  if (uid === undefined || gid === undefined) return KEPT;
  const looked = await sftp.attempt(sftp.fstat(part));
  const made = 'value' in looked ? looked.value : undefined;
  if (made?.uid === undefined || made.gid === undefined) {
    return {
      isGroupKept: false,
      notes: [`whether its owner (uid ${uid}, gid ${gid}) was kept is not known`],
    };
  }
  if (made.uid === uid && made.gid === gid) return KEPT;
  const both = await sftp.attempt(sftp.setOwner(part, uid, gid));
  if ('value' in both) return KEPT;
  if (made.uid === uid)
    return { isGroupKept: false, notes: [notKept('group', 'gid', gid, made.gid, both.trouble.words)] };
  const note = notKept('owner', 'uid', uid, made.uid, both.trouble.words);
  if (made.gid === gid) return { isGroupKept: true, notes: [note] };
  // Anyone may give a file of theirs to a group that they are in.
  const group = await sftp.attempt(sftp.setOwner(part, made.uid, gid));
  if ('value' in group) return { isGroupKept: true, notes: [note] };
  return { isGroupKept: false, notes: [note, notKept('group', 'gid', gid, made.gid, group.trouble.words)] };
}

function notKept(what: string, id: string, was: number, is: number, why: string): string {
  return `its ${what} was ${id} ${was} and is ${id} ${is} now (${why})`;
}

function formatMode(mode: number): string {
  return mode.toString(8).padStart(3, '0');
}
