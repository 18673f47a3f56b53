import { stopTrouble, type Trouble } from './trouble.ts';

export interface Limit<T> {
  readonly ms: number;
  /** What it means that the time is over. */
  readonly late: () => Trouble;
  readonly signal: AbortSignal;
  /** What was being done, for the one who stops it: `before the command was sent`. */
  readonly when: string;
  /** Takes what comes after all, when nobody waits for it any more. */
  readonly discard?: (result: T) => void;
}

/** The work's result, or its time limit, or the order to stop: what comes first. */
export function within<T>(work: Promise<T>, limit: Limit<T>): Promise<T> {
  const { signal } = limit;
  return new Promise((resolve, reject) => {
    let isOver = false;
    const timer = setTimeout(() => end(() => reject(limit.late())), limit.ms);
    const onAbort = () => end(() => reject(stopTrouble(signal, limit.when)));
    const end = (settle: () => void) => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      settle();
    };
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) onAbort();
    work.then(
      (result) => {
        if (isOver) limit.discard?.(result);
        else end(() => resolve(result));
      },
      (error: unknown) => end(() => reject(error)),
    );
  });
}

/** Waits; less where it is stopped. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
    if (signal.aborted) end();
  });
}

export function formatSeconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}
