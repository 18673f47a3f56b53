/** What a timer of Node holds: beyond it, one goes off at once. Some 24 days. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;
/** A timer may always be so late. */
const PUNCTUAL_MS = 20;
/** What one limit lasts longer at most, however often this process stands still. */
const GRACE_MS = 1_000;

/**
 * One limit of time, which can be set anew and taken back: what it was set for before is forgotten. It does not run out
 * because this process stood still (a busy or paused machine): what came meanwhile is looked at first, and what had no
 * time to come gets it, up to a second.
 */
export class Deadline {
  readonly #keepsProcess: boolean;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Without `keepsProcess`, a process that has nothing else to do ends before it. */
  constructor(how: { readonly keepsProcess: boolean } = { keepsProcess: true }) {
    this.#keepsProcess = how.keepsProcess;
  }

  /** Calls `onOver` in `ms`, however long that is, once, unless it is set anew or cleared until then. */
  set(ms: number, onOver: () => void): void {
    this.#set(ms, Math.min(ms, GRACE_MS), onOver);
  }

  #set(ms: number, graceMs: number, onOver: () => void): void {
    clearTimeout(this.#timer);
    // What is over before it is set, too.
    const timerMs = Math.max(0, Math.min(ms, LONGEST_TIMER_MS));
    const dueAt = performance.now() + timerMs;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      const lateMs = performance.now() - dueAt;
      const moreMs = lateMs > PUNCTUAL_MS ? Math.min(lateMs, graceMs) : 0;
      if (ms > timerMs) this.#set(ms - timerMs, graceMs, onOver);
      else if (moreMs > 0) this.#set(moreMs, graceMs - moreMs, onOver);
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
