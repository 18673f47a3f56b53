import type { Log } from '../../ports.ts';
import type { SpoolFolder } from './spool-folder.ts';

/** A run's output on disk is kept this long after it was last written to. */
export const SPOOL_KEPT_MS = 7 * 24 * 60 * 60_000;
const SWEEP_EVERY_MS = 24 * 60 * 60_000;

/** Removes old output now and once a day; of runs that are still open there may be more to come. */
export function keepSwept(
  spool: SpoolFolder,
  listOpenRuns: () => Promise<readonly { readonly id: string }[]>,
  log: Log,
): Disposable {
  const sweep = async (): Promise<void> => {
    try {
      const open = new Set((await listOpenRuns()).map((run) => run.id));
      const removed = await spool.sweep(Date.now() - SPOOL_KEPT_MS, open);
      if (removed > 0) log.info({ runs: removed }, 'old output was removed from the disk');
    } catch (error) {
      log.warn({ err: error }, 'old output could not be looked through');
    }
  };
  void sweep();
  const timer = setInterval(() => void sweep(), SWEEP_EVERY_MS).unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
