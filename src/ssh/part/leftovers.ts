import { posix } from 'node:path';
import type { Leftovers } from '../../ports/hosts.ts';
import type { Log } from '../../ports/log.ts';
import type { Leftover } from '../../run/leftover.ts';
import { Deadline } from '../../time/deadline.ts';
import type { Connection } from '../connection/connection.ts';
import { type CopyLimits, MAX_SWEPT_AT_ONCE } from '../sftp/limits.ts';
import { openSession } from '../sftp/open-session.ts';
import type { SftpSession } from '../sftp/session.ts';
import { Trouble, wordsOf } from '../trouble.ts';
import { showTemporary } from './file-names.ts';
import { isStaging, removeStaging } from './staged-folder.ts';

/** Writing down what we make on hosts, and removing it: what fails here is said, and never fails the work. */
export class LeftoverFiles {
  readonly #store: Leftovers;
  readonly #log: Log;

  constructor(store: Leftovers, log: Log) {
    this.#store = store;
    this.#log = log;
  }

  async note(leftover: Leftover): Promise<void> {
    try {
      await this.#store.note(leftover);
    } catch (error) {
      this.#log.error(
        { host: leftover.host, path: leftover.path, err: error },
        'a temporary file cannot be noted',
      );
      throw new Trouble('transfer-failed', 'the bot cannot write down its temporary file, so it made none');
    }
  }

  /** What broken copies left in a folder of this host, newest first: nothing there is removed before this job ends. */
  async listEarlier(host: string, runId: string, folder: string): Promise<readonly string[]> {
    const all = await this.#store.list(host, runId).catch(() => []);
    return all
      .filter((one) => one.belongsAt === null && one.runId !== runId && posix.dirname(one.path) === folder)
      .map(({ path }) => path)
      .toReversed();
  }

  async forget(leftover: Leftover): Promise<void> {
    try {
      await this.#store.forget(leftover);
    } catch (error) {
      // It is looked for once more, and then it is not there.
      this.#log.warn(
        { host: leftover.host, path: leftover.path, err: error },
        'a temporary file is not forgotten',
      );
    }
  }

  /**
   * Removes what this run and earlier ones left on the host. On a channel of its own, since the other one may be
   * what has failed, and within its own limit. Tells in words what is still there; of other runs only where the
   * host was asked. Never rejects.
   */
  async sweep(
    connection: Connection,
    { runId, channelMs, limits }: { runId: string; channelMs: number; limits: CopyLimits },
  ): Promise<readonly string[]> {
    const host = connection.host.name;
    let left: readonly Leftover[];
    try {
      left = await this.#store.list(host, runId);
    } catch (error) {
      this.#log.warn({ host, err: error }, 'it is not known whether temporary files are left on a host');
      return [];
    }
    if (left.length === 0) return [];
    const settled = new Set<Leftover>();
    const said: string[] = [];
    const stop = new AbortController();
    const limit = new Deadline();
    limit.set(limits.cleanUpMs, () => stop.abort('interrupted'));
    try {
      if (!connection.isOpen) throw new Trouble('unreachable', 'the connection is gone');
      const sftp = await openSession(
        { connection, silenceMs: limits.cleanUpMs, limits, signal: stop.signal },
        channelMs,
      );
      try {
        // Those that step aside first: whether the new file is in place shows in the temporary one.
        for (const leftover of left.toSorted(asideFirst).slice(0, MAX_SWEPT_AT_ONCE)) {
          const still = await this.#remove(sftp, leftover);
          settled.add(leftover);
          if (still !== null) said.push(still);
        }
      } finally {
        sftp.end();
      }
    } catch (error) {
      this.#log.info({ host, reason: wordsOf(error) }, 'temporary files are left on a host for now');
      const isAsked = connection.isOpen;
      const unsettled = left.filter((one) => !settled.has(one) && (isAsked || one.runId === runId));
      said.push(...unsettled.map(mayBeThere));
    } finally {
      limit.clear();
    }
    return said;
  }

  /** Null where it is gone. Only a regular file, or a folder of such, under the very name is ever removed. */
  async #remove(sftp: SftpSession, leftover: Leftover): Promise<string | null> {
    const { host, path, runId, belongsAt } = leftover;
    const tried = await sftp.attempt(
      belongsAt === null ? removePart(sftp, path) : putBack(sftp, path, belongsAt),
    );
    if ('value' in tried) {
      this.#log.info({ host, path, run: runId, became: tried.value }, 'a temporary file is dealt with');
      await this.forget(leftover);
      return null;
    }
    this.#log.warn({ host, path, run: runId, reason: tried.trouble.message }, 'a temporary file is left');
    return `a temporary file of ${runId} is left: ${tried.trouble.message}`;
  }
}

type Removal = 'removed' | 'put back' | 'was gone' | 'is no file of ours';

async function removePart(sftp: SftpSession, path: string): Promise<Removal> {
  const there = await sftp.lstat(path);
  if (!there) return 'was gone';
  if (there.kind === 'folder' && isStaging(path)) {
    await removeStaging(sftp, path);
    return 'removed';
  }
  if (there.kind !== 'file') return 'is no file of ours';
  await sftp.unlink(path);
  return 'removed';
}

/** A file that stepped aside: back where nothing took its place, else it has been replaced as it was to be. */
async function putBack(sftp: SftpSession, path: string, belongsAt: string): Promise<Removal> {
  const there = await sftp.lstat(path);
  if (!there) return 'was gone';
  if (there.kind !== 'file') return 'is no file of ours';
  if (await sftp.lstat(belongsAt)) {
    await sftp.unlink(path);
    return 'removed';
  }
  await sftp.rename(path, belongsAt);
  return 'put back';
}

const asideFirst = (a: Leftover, b: Leftover): number =>
  Number(a.belongsAt === null) - Number(b.belongsAt === null);

function mayBeThere(leftover: Leftover): string {
  const { belongsAt } = leftover;
  const path = showTemporary(leftover.path);
  return belongsAt === null
    ? `a temporary file of ${leftover.runId}, ${path}, may still be there, and is removed at the next contact with this host`
    : `the old file may be at ${path}, and goes back to ${belongsAt} at the next contact with this host`;
}
