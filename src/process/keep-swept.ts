import type { Log } from '../ports/log.ts';

/** The disk is to be looked through as often as it may fill. */
const SWEEP_EVERY_MS = 60 * 60_000;

export interface Sweep {
  /** For the log. */
  readonly what: string;
  /** Removes what is old, and tells how many. */
  sweep(): Promise<number>;
}

/** Removes what is old, now and once an hour. */
export function keepSwept(sweeps: readonly Sweep[], log: Log): Disposable {
  const timers = sweeps.map((sweep) => {
    let isSweeping = false;
    const sweepOnce = async (): Promise<void> => {
      if (isSweeping) return;
      isSweeping = true;
      await sweepAndTell(sweep, log);
      isSweeping = false;
    };
    void sweepOnce();
    return setInterval(() => void sweepOnce(), SWEEP_EVERY_MS).unref();
  });
  return {
    [Symbol.dispose]() {
      for (const timer of timers) clearInterval(timer);
    },
  };
}

async function sweepAndTell({ what, sweep }: Sweep, log: Log): Promise<void> {
  try {
    const removed = await sweep();
    if (removed > 0) log.info({ what, removed }, 'what was old is removed from the disk');
  } catch (error) {
    log.warn({ what, err: error }, 'what is old could not be looked through');
  }
}
