import type { Pace, Tier } from './options.ts';

/**
 * Slack's limits, facts/slack.md section 5: each method has a number of calls a minute for the workspace, and
 * chat.postMessage besides about one a second in each channel. A refused call does not count.
 */

const MINUTE_MS = 60_000;

export class RateLimits {
  readonly #pace: Pace;
  readonly #now: () => number;
  /** The times of the calls taken in the last minute, by method. */
  readonly #windows = new Map<string, number[]>();
  readonly #buckets = new Map<string, { tokens: number; at: number }>();

  constructor(pace: Pace, now: () => number) {
    this.#pace = pace;
    this.#now = now;
  }

  /** The whole seconds to wait; null where the call may go on (and counts). */
  take(method: string, tier: Tier, channel: string | undefined): number | null {
    const { isLimited, postsPerMinute, tiers, postBurst, postsPerSecond, tierOneBurst } = this.#pace;
    if (!isLimited) return null;
    const isPost = method === 'chat.postMessage';
    // "Tier 1: 1+ per minute … a small amount of burst behavior is tolerated."
    if (tier === 1) return this.#takeFrom(method, tierOneBurst, tiers[1] / 60);
    const inMinute = this.#waitForWindow(method, isPost ? postsPerMinute : tiers[tier]);
    if (inMinute > 0) return Math.ceil(inMinute / 1_000);
    const inChannel =
      isPost && channel !== undefined ? this.#takeFrom(channel, postBurst, postsPerSecond) : null;
    if (inChannel === null) this.#windows.get(method)?.push(this.#now());
    return inChannel;
  }

  #waitForWindow(method: string, limit: number): number {
    const now = this.#now();
    const recent = (this.#windows.get(method) ?? []).filter((at) => at > now - MINUTE_MS);
    this.#windows.set(method, recent);
    const oldest = recent.at(-limit);
    return oldest === undefined ? 0 : oldest + MINUTE_MS - now;
  }

  /** Takes one of a bucket that holds `burst` and refills by so many a second; else the seconds until it has one. */
  #takeFrom(key: string, burst: number, perSecond: number): number | null {
    const now = this.#now();
    const before = this.#buckets.get(key) ?? { tokens: burst, at: now };
    const tokens = Math.min(burst, before.tokens + ((now - before.at) / 1_000) * perSecond);
    const isTaken = tokens >= 1;
    this.#buckets.set(key, { tokens: isTaken ? tokens - 1 : tokens, at: now });
    return isTaken ? null : Math.ceil((1 - tokens) / perSecond);
  }
}
