import type { DiskUse, Room } from '../ports/disk.ts';
import { formatBytes } from '../report/text/wording.ts';
import { FolderRoom, short } from './folder-room.ts';
import { FreeSpace } from './free-space.ts';

/** Bytes. */
export interface DiskLimits {
  readonly transferBytes: number;
  readonly spoolBytes: number;
  readonly databaseBytes: number;
  /** To stay free on the disks that the bot writes to. */
  readonly freeBytes: number;
}

export interface Disk extends Disposable {
  readonly transfers: Room;
  readonly spool: Room;
  /** Why no run is to be put down in a database of so many bytes, a clause for people; undefined where it may be. */
  databaseShortage(usedBytes: number): Promise<string | undefined>;
  /** What is held and what may be. Rejects nothing. */
  uses(databaseBytes: number): Promise<readonly DiskUse[]>;
}

/** What people and hosts have put here changes by hands other than ours, too. */
const COUNT_EVERY_MS = 5 * 60_000;

/**
 * What the bot may take of its disk. Nobody is hindered in storing the result of what runs: only what is new is
 * refused. `transferDir`: its true path, as those who write there have it.
 */
export function openDisk(
  transferDir: string,
  { databaseDir, spoolDir }: { readonly databaseDir: string; readonly spoolDir: string },
  limits: DiskLimits,
): Disk {
  const space = new FreeSpace(databaseDir, limits.freeBytes);
  const transfers = new FolderRoom({
    name: 'the transfer folder',
    folder: transferDir,
    maxBytes: limits.transferBytes,
    setting: 'BATCHOPS_TRANSFER_QUOTA',
    space: new FreeSpace(transferDir, limits.freeBytes),
  });
  const spool = new FolderRoom({
    name: 'the spool',
    folder: spoolDir,
    maxBytes: limits.spoolBytes,
    setting: 'BATCHOPS_SPOOL_QUOTA',
    space,
  });
  const countAll = (): void => void Promise.all([transfers.count(), spool.count()]);
  countAll();
  const timer = setInterval(countAll, COUNT_EVERY_MS).unref();

  async function databaseShortage(usedBytes: number): Promise<string | undefined> {
    if (usedBytes >= limits.databaseBytes) {
      return (
        `the database is full: it holds ${formatBytes(usedBytes)}, and may hold ` +
        `${formatBytes(limits.databaseBytes)} (BATCHOPS_DATABASE_QUOTA)`
      );
    }
    return (await space.take(0)) ? undefined : short(space);
  }

  async function useOf(what: 'transfers' | 'spool', room: FolderRoom): Promise<DiskUse> {
    return {
      what,
      usedBytes: room.usedBytes,
      maxBytes: room.maxBytes,
      trouble: (await room.trouble()) ?? null,
      freeBytes: room.space.freeBytes,
    };
  }

  return {
    transfers,
    spool,
    databaseShortage,
    async uses(databaseBytes) {
      return [
        await useOf('transfers', transfers),
        await useOf('spool', spool),
        {
          what: 'database',
          usedBytes: databaseBytes,
          maxBytes: limits.databaseBytes,
          trouble: (await databaseShortage(databaseBytes)) ?? null,
          freeBytes: space.freeBytes,
        },
      ];
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}
