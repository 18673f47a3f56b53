import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { ChannelPaces, Pace } from '../../src/slack/outgoing/pace.ts';

function clockAt(now: number) {
  const at = { now, clock: () => at.now };
  return at;
}

describe('a pace', () => {
  test('lets a burst through at once, then one per interval', () => {
    const at = clockAt(50_000);
    const pace = new Pace(3, 1_000, at.clock);
    expect(Array.from({ length: 6 }, () => pace.reserve())).toEqual([0, 0, 0, 1_000, 2_000, 3_000]);
    expect(pace.waitMs()).toBe(4_000);
    at.now = 54_000;
    expect(pace.reserve()).toBe(0);
  });

  test('fills up again while nobody asks', () => {
    const at = clockAt(50_000);
    const pace = new Pace(3, 1_000, at.clock);
    for (let n = 0; n < 3; n += 1) pace.reserve();
    at.now = 60_000;
    expect(Array.from({ length: 4 }, () => pace.reserve())).toEqual([0, 0, 0, 1_000]);
  });

  test('after a 429 waits as told, and comes back with half the burst', () => {
    const at = clockAt(50_000);
    const pace = new Pace(4, 1_000, at.clock);
    pace.suspend(3_000);
    expect(pace.isSuspended()).toBe(true);
    expect(pace.reserve()).toBe(3_000);
    expect(pace.reserve()).toBe(4_000);
    // Much later: two at once, not four.
    at.now = 90_000;
    expect(Array.from({ length: 3 }, () => pace.reserve())).toEqual([0, 0, 1_000]);
  });

  test('does not know the time of day: an hour back or forth changes nothing', () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      const paces = new ChannelPaces();
      const pace = new Pace(1, 1_000);
      pace.reserve();
      for (const hours of [-1, 2]) {
        vi.setSystemTime(Date.now() + hours * 3_600_000);
        expect(pace.waitMs()).toBeLessThanOrEqual(1_000);
        expect(paces.waitMs('C0OPS')).toBe(0);
      }
    } finally {
      vi.useRealTimers();
    }
  });

  test('never gives out more places than a token bucket of the same size would', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 5_000 }), { minLength: 1, maxLength: 100 }),
        fc.integer({ min: 1, max: 5 }),
        (gaps, burst) => {
          const at = clockAt(100_000);
          const pace = new Pace(burst, 1_000, at.clock);
          const starts: number[] = [];
          for (const gap of gaps) {
            at.now += gap;
            starts.push(at.now + pace.reserve());
          }
          for (let from = 0; from < starts.length; from += 1) {
            for (let to = from; to < starts.length; to += 1) {
              const spanMs = (starts[to] ?? 0) - (starts[from] ?? 0);
              expect(to - from + 1).toBeLessThanOrEqual(burst + Math.floor(spanMs / 1_000));
            }
          }
        },
      ),
    );
  });
});

describe('the paces of channels', () => {
  test('what one channel waits for, another does not: neither after a 429 nor behind its backlog', async () => {
    const paces = new ChannelPaces(() => 50_000);
    const stop = new AbortController();
    paces.suspend('A', 9_000);
    const waiting = Array.from({ length: 30 }, () => paces.waitForPlace('A', stop.signal));
    expect(paces.waitMs('A')).toBeGreaterThan(9_000);
    expect(paces.waitMs('B')).toBe(0);
    await paces.waitForPlace('B', stop.signal);
    expect(paces.suspended()).toEqual(['A']);
    stop.abort();
    await Promise.all(waiting);
    // Nor have those that were called off taken a place of the workspace's.
    expect(paces.waitMs('C')).toBe(0);
  });
});
