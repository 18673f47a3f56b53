import type { Pace, Tier } from '../options.ts';

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
    if (!this.#pace.isLimited) return null;
    const isPost = method === 'chat.postMessage';
    const limit = isPost ? this.#pace.postsPerMinute : this.#pace.tiers[tier];
    const inMinute = this.#waitForWindow(method, limit);
    const inChannel = isPost && channel !== undefined ? this.#waitForBucket(channel) : 0;
    const waitMs = Math.max(inMinute, inChannel);
    if (waitMs > 0) return Math.ceil(waitMs / 1_000);
    this.#windows.get(method)?.push(this.#now());
    const bucket = channel === undefined ? undefined : this.#buckets.get(channel);
    if (isPost && bucket !== undefined) bucket.tokens -= 1;
    return null;
  }

  #waitForWindow(method: string, limit: number): number {
    const now = this.#now();
    const recent = (this.#windows.get(method) ?? []).filter((at) => at > now - MINUTE_MS);
    this.#windows.set(method, recent);
    const oldest = recent.at(-limit);
    return oldest === undefined ? 0 : oldest + MINUTE_MS - now;
  }

  #waitForBucket(channel: string): number {
    const now = this.#now();
    const { postBurst, postsPerSecond } = this.#pace;
    const before = this.#buckets.get(channel) ?? { tokens: postBurst, at: now };
    const refilled = before.tokens + ((now - before.at) / 1_000) * postsPerSecond;
    const bucket = { tokens: Math.min(postBurst, refilled), at: now };
    this.#buckets.set(channel, bucket);
    return bucket.tokens >= 1 ? 0 : ((1 - bucket.tokens) / postsPerSecond) * 1_000;
  }
}
