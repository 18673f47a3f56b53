/** What a timer of Node holds: beyond it, one goes off at once. Some 24 days. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** One limit of time, which can be set anew and taken back: what it was set for before is forgotten. */
export class Deadline {
  readonly #keepsProcess: boolean;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Without `keepsProcess`, a process that has nothing else to do ends before it. */
  constructor(how: { readonly keepsProcess: boolean } = { keepsProcess: true }) {
    this.#keepsProcess = how.keepsProcess;
  }

  /** Calls `onOver` in `ms`, however long that is, once, unless it is set anew or cleared until then. */
  set(ms: number, onOver: () => void): void {
    clearTimeout(this.#timer);
    const timerMs = Math.min(ms, LONGEST_TIMER_MS);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (ms > timerMs) this.set(ms - timerMs, onOver);
      else onOver();
    }, timerMs);
    if (!this.#keepsProcess) this.#timer.unref();
  }

  /** Whether something will be called. */
  get isSet(): boolean {
    return this.#timer !== undefined;
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
