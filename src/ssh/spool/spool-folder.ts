import { constants } from 'node:fs';
import { lstat, mkdir, readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { codeOf } from '../../errors.ts';
import type { Room, Spool } from '../../ports/disk.ts';
import type { Log } from '../../ports/log.ts';
import { open } from '../open-file.ts';
import { ENDLESS_ROOM } from '../part/endless-room.ts';
import { hostFolder } from '../part/file-names.ts';
import { type SpoolFile, writeSpoolFile } from './spool-file.ts';

export type StreamName = 'stdout' | 'stderr';

export interface SpoolFolder extends Spool {
  /** Nothing is on disk before something is written to it. */
  openFile(runId: string, host: string, stream: StreamName): SpoolFile;
  /**
   * Removes what runs left behind that nobody touched since then, and of the rest the oldest until no more than
   * `maxBytes` are left; but nothing of these. Tells of how many runs.
   */
  sweep(before: number, except: ReadonlySet<string>, maxBytes?: number): Promise<number>;
}

/** As the runs are called, and as our files are: nothing else in the folder is ours to read or remove. */
const RUN_FOLDER = /^r-[0-9a-z]+$/;
const SPOOL_PATH = /^(r-[0-9a-z]+)\/([A-Za-z0-9._%-]+\.(?:stdout|stderr))$/;

/** `<run>/<host>.<stream>` below `dir`, for the eyes of the bot's own account. No link is followed in it. */
export function openSpoolFolder(dir: string, log: Log, room: Room = ENDLESS_ROOM): SpoolFolder {
  return {
    openFile(runId, host, stream) {
      const folder = join(dir, runId);
      const path = `${runId}/${hostFolder(host)}.${stream}`;
      return writeSpoolFile({
        path,
        claim: room.claim(join(dir, path)),
        async open() {
          if (!SPOOL_PATH.test(path)) throw new Error(`${path} is no name for a spool file`);
          await mkdir(dir, { recursive: true, mode: 0o700 });
          await mkdir(folder, { mode: 0o700 }).catch((error: unknown) => {
            if (codeOf(error) !== 'EEXIST') throw error;
          });
          if (!(await lstat(folder)).isDirectory()) throw new Error(`${folder} is not a folder`);
          return await open(join(dir, path), 'wx', 0o600);
        },
        remove: () => rm(join(dir, path), { force: true }),
        onTrouble: (error) =>
          log.warn({ path, err: error }, 'output beyond the cap could not be kept on disk'),
      });
    },

    async read(path) {
      const runId = SPOOL_PATH.exec(path)?.[1];
      if (runId === undefined) return undefined;
      try {
        if (!(await lstat(join(dir, runId))).isDirectory()) return undefined;
        const file = await open(join(dir, path), constants.O_RDONLY | constants.O_NOFOLLOW);
        if ((await file.stat()).isFile()) return file.createReadStream({ highWaterMark: 256 * 1024 });
        await file.close();
        return undefined;
      } catch (error) {
        if (['ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES'].includes(String(codeOf(error)))) return undefined;
        throw error;
      }
    },

    async sweep(before, except, maxBytes = Number.POSITIVE_INFINITY) {
      const runs: { readonly folder: string; readonly touchedAt: number; readonly bytes: number }[] = [];
      for (const entry of await entriesOf(dir)) {
        // A link is no folder here, whatever it leads to.
        if (!entry.isDirectory() || !RUN_FOLDER.test(entry.name)) continue;
        const folder = join(dir, entry.name);
        const measured = await measure(folder).catch(() => undefined);
        if (measured !== undefined) runs.push({ folder, ...measured });
      }
      let left = runs.reduce((sum, { bytes }) => sum + bytes, 0);
      let removed = 0;
      for (const { folder, touchedAt, bytes } of runs.toSorted((a, b) => a.touchedAt - b.touchedAt)) {
        if ((touchedAt >= before && left <= maxBytes) || except.has(basename(folder))) continue;
        try {
          await rm(folder, { recursive: true, force: true });
          left -= bytes;
          removed += 1;
        } catch (error) {
          log.warn({ folder, err: error }, 'old output could not be removed');
        }
      }
      return removed;
    },
  };
}

async function entriesOf(dir: string) {
  try {
    return await readdir(dir, { withFileTypes: true });
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(String(codeOf(error)))) return [];
    throw error;
  }
}

async function measure(folder: string): Promise<{ readonly touchedAt: number; readonly bytes: number }> {
  let touchedAt = (await lstat(folder)).mtimeMs;
  let bytes = 0;
  for (const name of await readdir(folder)) {
    const { mtimeMs, size } = await lstat(join(folder, name));
    touchedAt = Math.max(touchedAt, mtimeMs);
    bytes += size;
  }
  return { touchedAt, bytes };
}
