import { realpath } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Store } from '../ports/store.ts';
import { filesOf } from '../run/plan.ts';
import { sweepHalfFiles } from './part/half-files.ts';
import { sweepOldFiles } from './part/old-files.ts';
import type { SpoolFolder } from './spool/spool-folder.ts';

/** Of what the spool may hold, so much is left by each sweep, so that there is room for what comes. */
const SWEPT_PART = 0.8;

export interface SweptFiles {
  readonly store: Pick<Store, 'openRuns' | 'unfinishedRuns' | 'origins'>;
  readonly spool: SpoolFolder;
  /** The true path of the transfer folder. */
  readonly transfersDir: string;
  /** Milliseconds, perhaps infinite. */
  readonly keep: { readonly spoolMs: number; readonly uploadMs: number; readonly fetchedMs: number };
  readonly spoolBytes: number;
}

/** What of the disk is looked through from time to time: old output, old files, and half files of ours. */
export function fileSweeps({ store, spool, transfersDir: dir, keep, spoolBytes }: SweptFiles) {
  return [
    {
      what: 'output',
      sweep: async () =>
        await spool.sweep(Date.now() - keep.spoolMs, await store.unfinishedRuns(), spoolBytes * SWEPT_PART),
    },
    {
      what: 'files',
      sweep: async () =>
        await sweepOldFiles({
          dir,
          origins: store.origins,
          uploadedBefore: Date.now() - keep.uploadMs,
          fetchedBefore: Date.now() - keep.fetchedMs,
          inUse: await filesInUse(store, dir),
        }),
    },
    { what: 'half files', sweep: async () => await sweepHalfFiles(dir, Date.now()) },
  ];
}

/** What runs still have to send, by where it truly lies: people write `./a//b`, and names lead through links. */
async function filesInUse(store: Pick<Store, 'openRuns'>, dir: string): Promise<ReadonlySet<string>> {
  const runs = await store.openRuns();
  const named = new Set(runs.flatMap(({ plan: { work } }) => filesOf(work).map(({ local }) => local)));
  const paths = await Promise.all(
    Array.from(named, (local) => realpath(join(dir, local)).catch(() => undefined)),
  );
  return new Set(paths.flatMap((path) => (path === undefined ? [] : [relative(dir, path)])));
}
