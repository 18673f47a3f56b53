import { delay } from '../../time/delay.ts';

/** Milliseconds that only go forward, whatever becomes of the machine's time of day. */
export type Clock = () => number;

const monotonic: Clock = () => performance.now();

/**
 * A token bucket that hands out places in time: whoever reserves is told how long to wait, and the place is
 * theirs, so a person's root message does not queue behind a hundred replies.
 */
export class Pace {
  readonly #intervalMs: number;
  readonly #fullBurst: number;
  readonly #clock: Clock;
  #burst: number;
  /** When the bucket would be full again, less the burst: the next place is here or at once, whichever is later. */
  #nextAt = Number.NEGATIVE_INFINITY;
  #suspendedUntil = Number.NEGATIVE_INFINITY;
  #shrunkAt = Number.NEGATIVE_INFINITY;

  constructor(burst: number, intervalMs: number, clock: Clock = monotonic) {
    this.#fullBurst = burst;
    this.#burst = burst;
    this.#intervalMs = intervalMs;
    this.#clock = clock;
  }

  /** Milliseconds until the place that is now the caller's. */
  reserve(): number {
    const now = this.#clock();
    this.#recover(now);
    const start = this.#start(now);
    this.#nextAt = Math.max(this.#nextAt, this.#earliest(now)) + this.#intervalMs;
    return start - now;
  }

  /** Milliseconds until a place is free; takes none. */
  waitMs(): number {
    const now = this.#clock();
    return this.#start(now) - now;
  }

  /** Slack said 429: nothing for so long, and from then on with less of a burst for a while. */
  suspend(forMs: number): void {
    const now = this.#clock();
    this.#suspendedUntil = Math.max(this.#suspendedUntil, now + forMs);
    this.#burst = Math.max(1, Math.floor(this.#burst / 2));
    this.#shrunkAt = now;
    // What Slack counted is not what we did: begin with an empty bucket.
    this.#nextAt = Math.max(this.#nextAt, now + forMs);
  }

  isSuspended(): boolean {
    return this.#suspendedUntil > this.#clock();
  }

  #start(now: number): number {
    return Math.max(now, this.#suspendedUntil, this.#nextAt);
  }

  #earliest(now: number): number {
    return Math.max(now, this.#suspendedUntil) - (this.#burst - 1) * this.#intervalMs;
  }

  #recover(now: number): void {
    if (this.#burst >= this.#fullBurst || now - this.#shrunkAt < 60_000) return;
    this.#burst += 1;
    this.#shrunkAt = now;
  }
}

/**
 * chat.postMessage takes about one message a second per channel with short bursts, and some hundreds a minute
 * per workspace (docs.slack.dev, rate limits). Both a little below, as the network bunches calls up.
 */
export class ChannelPaces {
  readonly #clock: Clock;
  readonly #channels = new Map<string, Pace>();
  readonly #workspace: Pace;

  constructor(clock: Clock = monotonic) {
    this.#clock = clock;
    this.#workspace = new Pace(20, 230, clock);
  }

  /**
   * Resolves when the caller may post into this channel, or at once when `signal` is aborted. The workspace's
   * place is taken only then: one taken for later would keep it from every other channel until then.
   */
  async waitForPlace(channelId: string, signal?: AbortSignal): Promise<void> {
    await delay(this.#of(channelId).reserve(), signal);
    if (signal?.aborted !== true) await delay(this.#workspace.reserve(), signal);
  }

  /** Milliseconds until a message could go into this channel; takes no place. */
  waitMs(channelId: string): number {
    return Math.max(this.#of(channelId).waitMs(), this.#workspace.waitMs());
  }

  suspend(channelId: string, forMs: number): void {
    this.#of(channelId).suspend(forMs);
  }

  suspended(): readonly string[] {
    return [...this.#channels].filter(([, pace]) => pace.isSuspended()).map(([channel]) => channel);
  }

  #of(channelId: string): Pace {
    let pace = this.#channels.get(channelId);
    if (pace === undefined) {
      pace = new Pace(3, 1_060, this.#clock);
      this.#channels.set(channelId, pace);
    }
    return pace;
  }
}
