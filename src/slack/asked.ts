import { delay } from '../time/delay.ts';
import { classify } from './outgoing/failure.ts';

/**
 * What Slack said of something holds this long where it says nothing since, and no longer: ten minutes, less the 45 s that
 * a worker goes on by what it was told of it (`crew/standings.ts`).
 */
const HOLDS_MS = 10 * 60_000 - 45_000;
const MAX_KEPT = 5_000;
/** Somebody waits: for so long Slack's own word of when to ask again is followed, once. */
const LONGEST_PAUSE_MS = 1_000;

interface Known<T> {
  readonly value: T;
  /** By the monotonic clock. */
  readonly at: number;
}

/** What Slack was asked, and when: at most ten minutes old, or not known. */
export class Asked<T> {
  readonly #known = new Map<string, Known<T>>();
  readonly #asking = new Map<string, Promise<T>>();
  readonly #ask: (id: string) => Promise<T>;
  readonly #freshMs: number;
  readonly #now: () => number;

  /** Asked again when older than `freshMs`. `now` of a clock that nobody can set. */
  constructor(ask: (id: string) => Promise<T>, freshMs: number, now: () => number) {
    this.#ask = ask;
    this.#freshMs = freshMs;
    this.#now = now;
  }

  /** Rejects with what Slack's silence came to where nothing is known that still holds. */
  async of(id: string): Promise<T> {
    const known = this.#known.get(id);
    if (known !== undefined && this.#now() - known.at < this.#freshMs) return known.value;
    try {
      return await this.#askOnce(id);
    } catch (error) {
      if (known !== undefined && this.#now() - known.at < HOLDS_MS) return known.value;
      throw error;
    }
  }

  #askOnce(id: string): Promise<T> {
    const asking = this.#asking.get(id);
    if (asking !== undefined) return asking;
    const at = this.#now();
    const answer = this.#ask(id)
      .catch(async (error: unknown) => {
        const { retryAfterMs } = classify(error);
        if (retryAfterMs === undefined || retryAfterMs > LONGEST_PAUSE_MS) throw error;
        await delay(retryAfterMs);
        return await this.#ask(id);
      })
      .then((value) => {
        this.#known.delete(id);
        this.#known.set(id, { value, at });
        const [oldest] = this.#known.keys();
        if (oldest !== undefined && this.#known.size > MAX_KEPT) this.#known.delete(oldest);
        return value;
      })
      .finally(() => this.#asking.delete(id));
    this.#asking.set(id, answer);
    return answer;
  }
}
