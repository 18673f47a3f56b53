import type { Log } from '../../ports.ts';

const SWEEP_EVERY_MS = 24 * 60 * 60_000;

/** Removes what is old now and at times, once a day where nothing is said. `what` it is, for the log; the sweep tells how many it removed. */
export function keepSwept(
  what: string,
  sweep: () => Promise<number>,
  log: Log,
  everyMs = SWEEP_EVERY_MS,
): Disposable {
  let isSweeping = false;
  const sweepOnce = async (): Promise<void> => {
    if (isSweeping) return;
    isSweeping = true;
    try {
      const removed = await sweep();
      if (removed > 0) log.info({ what, removed }, 'what was old is removed from the disk');
    } catch (error) {
      log.warn({ what, err: error }, 'what is old could not be looked through');
    } finally {
      isSweeping = false;
    }
  };
  void sweepOnce();
  const timer = setInterval(() => void sweepOnce(), everyMs).unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
