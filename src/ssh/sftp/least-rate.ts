import { Deadline } from '../../time/deadline.ts';

/**
 * Ends what goes on too slowly to be going on. Only time in which the host is waited for counts; each window of
 * it must bring its share.
 */
export class LeastRate {
  readonly #windowMs: number;
  readonly #leastBytes: number;
  readonly #onTooSlow: () => void;
  #bytes = 0;
  /** Of the window, before the host was last begun to be waited for. */
  #waitedMs = 0;
  #since = 0;
  readonly #window = new Deadline();

  constructor(windowMs: number, bytesPerSecond: number, onTooSlow: () => void) {
    this.#windowMs = windowMs;
    this.#leastBytes = (bytesPerSecond * windowMs) / 1_000;
    this.#onTooSlow = onTooSlow;
  }

  moved(bytes: number): void {
    this.#bytes += bytes;
  }

  wait(): void {
    if (this.#window.isSet) return;
    this.#since = performance.now();
    this.#window.set(Math.max(0, this.#windowMs - this.#waitedMs), () => this.#judge());
  }

  rest(): void {
    if (!this.#window.isSet) return;
    this.#window.clear();
    this.#waitedMs += performance.now() - this.#since;
  }

  #judge(): void {
    if (this.#bytes < this.#leastBytes) {
      this.#onTooSlow();
      return;
    }
    this.#bytes = 0;
    this.#waitedMs = 0;
    this.wait();
  }
}
