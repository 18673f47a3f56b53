/**
 * A token bucket that hands out places in time: whoever reserves is told how long to wait, and the place is
 * theirs, so a person's root message does not queue behind a hundred replies.
 */
export class Pace {
  readonly #intervalMs: number;
  readonly #fullBurst: number;
  #burst: number;
  /** When the bucket would be full again, less the burst: the next place is here or at once, whichever is later. */
  #nextAt = 0;
  #suspendedUntil = 0;
  #shrunkAt = 0;

  constructor(burst: number, intervalMs: number) {
    this.#fullBurst = burst;
    this.#burst = burst;
    this.#intervalMs = intervalMs;
  }

  /** Milliseconds until the place that is now the caller's. */
  reserve(now: number): number {
    this.#recover(now);
    const start = this.#start(now);
    this.#nextAt = Math.max(this.#nextAt, this.#earliest(now)) + this.#intervalMs;
    return start - now;
  }

  /** Milliseconds until a place is free; takes none. */
  waitMs(now: number): number {
    return this.#start(now) - now;
  }

  /** Slack said 429: nothing until then, and from then on with less of a burst for a while. */
  suspend(now: number, untilMs: number): void {
    this.#suspendedUntil = Math.max(this.#suspendedUntil, untilMs);
    this.#burst = Math.max(1, Math.floor(this.#burst / 2));
    this.#shrunkAt = now;
    // What Slack counted is not what we did: begin with an empty bucket.
    this.#nextAt = Math.max(this.#nextAt, untilMs);
  }

  isSuspended(now: number): boolean {
    return this.#suspendedUntil > now;
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
  readonly #now: () => number;
  readonly #channels = new Map<string, Pace>();
  readonly #workspace = new Pace(20, 230);

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Milliseconds until the caller's place in this channel. */
  reserve(channelId: string): number {
    const now = this.#now();
    const channel = this.#of(channelId).reserve(now);
    return channel + this.#workspace.reserve(now + channel);
  }

  waitMs(channelId: string): number {
    return this.#of(channelId).waitMs(this.#now());
  }

  suspend(channelId: string, forMs: number): void {
    const now = this.#now();
    this.#of(channelId).suspend(now, now + forMs);
  }

  suspended(): readonly string[] {
    const now = this.#now();
    return [...this.#channels].filter(([, pace]) => pace.isSuspended(now)).map(([channel]) => channel);
  }

  #of(channelId: string): Pace {
    let pace = this.#channels.get(channelId);
    if (pace === undefined) {
      pace = new Pace(3, 1_060);
      this.#channels.set(channelId, pace);
    }
    return pace;
  }
}
