import { open as openNow } from 'node:fs/promises';
import { delay } from '../time/delay.ts';
import { isOutOfFiles } from './trouble.ts';

/** Others are closed all the time: whoever finds none free for so long is told so. */
const PATIENCE_MS = 30_000;
const RETRY_MS = 100;

interface Waiting {
  readonly signal?: AbortSignal;
  /** Gives up what can be done without. */
  readonly free?: () => void;
}

/**
 * Does what opens a file or a socket, and once more for as long as the process has as many open as it may. It must
 * have done nothing where it fails so. What the last try threw is thrown on.
 */
export async function untilFilesAreFree<T>(
  act: () => Promise<T>,
  { signal, free = () => {} }: Waiting = {},
): Promise<T> {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await act();
    } catch (error) {
      if (!isOutOfFiles(error) || performance.now() >= until || signal?.aborted === true) throw error;
    }
    free();
    // Half to one and a half: not all of them at the same file.
    await delay(RETRY_MS * (0.5 + Math.random()), signal);
  }
}

/** As `open` of Node. */
export const open = (...[path, flags, mode]: Parameters<typeof openNow>): ReturnType<typeof openNow> =>
  untilFilesAreFree(() => openNow(path, flags, mode));
