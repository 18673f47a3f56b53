import type { Log, Store } from '../ports.ts';
import { sweepHalfFiles } from './part/half-files.ts';
import { SPOOL_KEPT_MS, type SpoolFolder } from './spool/spool-folder.ts';

const SWEEP_EVERY_MS = 24 * 60 * 60_000;

/** Old output and half files of ours go, now and once a day. */
export function keepDiskTidy(
  { store, spool }: { readonly store: Pick<Store, 'openRuns'>; readonly spool: SpoolFolder },
  transferDir: string,
  log: Log,
): Disposable {
  const sweepSpool = async (): Promise<number> => {
    // Of runs that are still open there may be more to come.
    const open = new Set((await store.openRuns()).map((run) => run.id));
    return await spool.sweep(Date.now() - SPOOL_KEPT_MS, open);
  };
  const kept = new DisposableStack();
  kept.use(keepSwept('output', sweepSpool, log));
  kept.use(keepSwept('half files', () => sweepHalfFiles(transferDir, Date.now()), log));
  return kept;
}

/** Removes what is old now and once a day. `what` it is, for the log; the sweep tells how many it removed. */
function keepSwept(what: string, sweep: () => Promise<number>, log: Log): Disposable {
  const sweepOnce = async (): Promise<void> => {
    try {
      const removed = await sweep();
      if (removed > 0) log.info({ what, removed }, 'what was old is removed from the disk');
    } catch (error) {
      log.warn({ what, err: error }, 'what is old could not be looked through');
    }
  };
  void sweepOnce();
  const timer = setInterval(() => void sweepOnce(), SWEEP_EVERY_MS).unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
