import type { Window } from './pump.ts';

/** OpenSSH's own window of a channel, and ssh2's: more would only wait. At 20 ms a round trip it is 100 MiB/s. */
const MOST_BYTES = 2 * 1024 * 1024;
/** Of all copies together: what is under way lies in memory, up to twice. */
const SHARED_BYTES = 64 * 1024 * 1024;

/** Shares what may be under way among all copies of this process: few have all they can use, many stay within memory. */
export class Windows {
  #copies = 0;

  /** A copy begins. Its share as it is at each moment, and how it says that it has ended. */
  open(): { readonly window: Window; close(): void } {
    this.#copies += 1;
    let isOpen = true;
    return {
      window: () => Math.min(MOST_BYTES, SHARED_BYTES / this.#copies),
      close: () => {
        if (isOpen) this.#copies -= 1;
        isOpen = false;
      },
    };
  }
}
