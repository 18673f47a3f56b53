import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Pace } from '../../src/slack/outgoing/pace.ts';

describe('a pace', () => {
  test('lets a burst through at once, then one per interval', () => {
    const pace = new Pace(3, 1_000);
    expect(Array.from({ length: 6 }, () => pace.reserve(50_000))).toEqual([0, 0, 0, 1_000, 2_000, 3_000]);
    expect(pace.waitMs(50_000)).toBe(4_000);
    expect(pace.reserve(54_000)).toBe(0);
  });

  test('fills up again while nobody asks', () => {
    const pace = new Pace(3, 1_000);
    for (let n = 0; n < 3; n += 1) pace.reserve(50_000);
    expect([pace.reserve(60_000), pace.reserve(60_000), pace.reserve(60_000), pace.reserve(60_000)]).toEqual([
      0, 0, 0, 1_000,
    ]);
  });

  test('after a 429 waits as told, and comes back with half the burst', () => {
    const pace = new Pace(4, 1_000);
    pace.suspend(50_000, 53_000);
    expect(pace.isSuspended(50_000)).toBe(true);
    expect(pace.reserve(50_000)).toBe(3_000);
    expect(pace.reserve(50_000)).toBe(4_000);
    // Much later: two at once, not four.
    expect([pace.reserve(90_000), pace.reserve(90_000), pace.reserve(90_000)]).toEqual([0, 0, 1_000]);
  });

  test('never gives out more places than a token bucket of the same size would', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 5_000 }), { minLength: 1, maxLength: 100 }),
        fc.integer({ min: 1, max: 5 }),
        (gaps, burst) => {
          const pace = new Pace(burst, 1_000);
          let now = 100_000;
          const starts: number[] = [];
          for (const gap of gaps) {
            now += gap;
            starts.push(now + pace.reserve(now));
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
