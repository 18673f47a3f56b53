import { uptime } from 'node:os';
import type { Log } from '../../../ports/log.ts';
import { FENCE_MS, LOOK_MS } from '../../../time/lease.ts';

const BEAT_MS = 1_000;
/** Not looked for so long: this process stood still. */
const STILL_MS = 2_000;
/** What came in meanwhile is heard first: how a command ended is worth more than that it was given up. */
const HEARING_MS = 250;

export interface ContactSettings {
  /** Says in the database that we are here and what we hold. */
  readonly beat: () => Promise<void>;
  /** Once for each time that we are out of touch. */
  readonly onLost: () => void;
  readonly log: Log;
  /** Milliseconds by a clock that nobody can set, and that goes on while the machine sleeps. */
  readonly steady?: () => number;
}

/** `performance.now` stands still while the machine sleeps, on Linux, and the server's clock does not. */
const machineClock =
  process.platform === 'linux' ? (): number => uptime() * 1_000 : (): number => performance.now();

/**
 * Whether the others have heard of us lately. States: `silent` until `begin`, as a start may take long and there is
 * nothing to speak for; `in touch` since the last beat that was answered, counted from when it was sent; `out of
 * touch` once that is `FENCE_MS` ago, or where this process stood still for so long, until a beat is answered again.
 * Nothing starts but in touch.
 */
export class Contact {
  readonly #settings: ContactSettings;
  readonly #steady: () => number;
  /** Not a `Deadline`: a beat that is late is not put off further. */
  #next: NodeJS.Timeout | undefined;
  #watch: ReturnType<typeof setInterval> | undefined;
  /** Undefined while silent. */
  #heardAt: number | undefined;
  #lookedAt = 0;
  #isLost = false;
  #isClosed = false;
  #beating: Promise<void> | undefined;

  constructor(settings: ContactSettings) {
    this.#settings = settings;
    this.#steady = settings.steady ?? machineClock;
  }

  /** Once there is something to speak for; they have just heard of us. */
  begin(): void {
    this.#heardAt = this.#steady();
    this.#lookedAt = this.#heardAt;
    this.#watch = setInterval(() => this.check(), LOOK_MS).unref();
    this.#planBeat();
  }

  /** False where nothing may start: see above. Cheap. */
  check(): boolean {
    if (this.#heardAt === undefined) return false;
    const now = this.#steady();
    const stoodStill = now - this.#lookedAt > STILL_MS;
    this.#lookedAt = now;
    if (now - this.#heardAt < FENCE_MS) return !this.#isLost;
    if (!this.#isLost && !this.#isClosed) {
      this.#isLost = true;
      this.#settings.log.error(
        { outOfTouchMs: Math.round(now - this.#heardAt) },
        'out of touch with the database: what runs here is ended on its hosts before these are given away',
      );
      if (stoodStill) setTimeout(() => this.#settings.onLost(), HEARING_MS);
      else this.#settings.onLost();
    }
    return false;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#next);
    clearInterval(this.#watch);
    await this.#beating;
  }

  async #beat(): Promise<void> {
    const sentAt = this.#steady();
    this.check();
    this.#beating = this.#settings.beat().then(
      () => {
        this.#heardAt = sentAt;
        if (this.#isLost) this.#settings.log.info({}, 'in touch with the database again');
        this.#isLost = false;
      },
      (error: unknown) => this.#settings.log.warn({ err: error }, 'the database does not answer'),
    );
    await this.#beating;
    if (!this.#isClosed) this.#planBeat();
  }

  #planBeat(): void {
    this.#next = setTimeout(() => void this.#beat(), BEAT_MS).unref();
  }
}
