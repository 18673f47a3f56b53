import { Deadline } from './deadline.ts';

export interface Patience<T, L> {
  readonly ms: number;
  /** Answers in place of the work, or throws, where the time is over. */
  readonly late: () => L;
  readonly signal?: AbortSignal;
  /** The same where the signal comes first. Default: as if it were late. */
  readonly stopped?: () => L;
  /** Takes what the work comes to after all. A failure that comes so late is nobody's. */
  readonly discard?: (result: T) => void;
}

/** What the work comes to; or the end of patience with it, whichever is first. The work itself goes on. */
export function within<T, L = never>(work: Promise<T>, patience: Patience<T, L>): Promise<T | L> {
  const { ms, late, signal, stopped = late, discard } = patience;
  return new Promise((resolve, reject) => {
    const limit = new Deadline();
    let isOver = false;
    const end = (settle: () => void) => {
      if (isOver) return;
      isOver = true;
      limit.clear();
      signal?.removeEventListener('abort', onAbort);
      try {
        settle();
      } catch (error) {
        reject(error);
      }
    };
    limit.set(ms, () => end(() => resolve(late())));
    const onAbort = () => end(() => resolve(stopped()));
    signal?.addEventListener('abort', onAbort);
    if (signal?.aborted === true) onAbort();
    work.then(
      (result) => {
        if (isOver) discard?.(result);
        else end(() => resolve(result));
      },
      (error: unknown) => end(() => reject(error)),
    );
  });
}
