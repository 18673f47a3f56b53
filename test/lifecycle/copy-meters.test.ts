import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { CopyMeters } from '../../src/lifecycle/live/copy-meters.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('what moves is told every two seconds while copies run, with the rate of the last five, and not after them', () => {
  const ticks: string[] = [];
  const meters = new CopyMeters({ clock: () => Date.now(), onTick: (runId) => void ticks.push(runId) });
  const web01 = meters.begin('r-1');
  const web02 = meters.begin('r-1');
  web01.expect(100_000);
  web02.expect(50_000);
  for (let second = 0; second < 10; second++) {
    // Fast at first, then slow.
    web01.moved(second < 4 ? 10_000 : 1_000);
    vi.advanceTimersByTime(1_000);
  }
  expect(ticks).toEqual(Array(5).fill('r-1'));
  expect(meters.progressOf('r-1')).toEqual({
    movedBytes: 46_000,
    totalBytes: 150_000,
    bytesPerSecond: 1_000,
    hosts: 2,
  });
  web01.end();
  web01.end();
  expect(meters.progressOf('r-1')).toMatchObject({ movedBytes: 0, totalBytes: 50_000, hosts: 1 });
  web02.end();
  vi.advanceTimersByTime(10_000);
  expect(ticks).toHaveLength(5);
  expect(meters.progressOf('r-1')).toBeUndefined();
});
