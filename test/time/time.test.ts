import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { backoff } from '../../src/time/backoff.ts';
import { Deadline } from '../../src/time/deadline.ts';
import { delay } from '../../src/time/delay.ts';
import { within } from '../../src/time/within.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('patience with a piece of work', () => {
  const never = new Promise<never>(() => {});

  test('gives what it comes to, and leaves no timer', async () => {
    expect(await within(Promise.resolve('done'), { ms: 10, late: () => 'late' })).toBe('done');
    await expect(within(Promise.reject(new Error('no')), { ms: 10, late: () => 'late' })).rejects.toThrow(
      'no',
    );
    expect(vi.getTimerCount()).toBe(0);
  });

  test('ends with the time, by an answer or by what is thrown', async () => {
    const answered = within(never, { ms: 10, late: () => 'late' });
    const thrown = within(never, {
      ms: 10,
      late: () => {
        throw new Error('too late');
      },
    });
    const fails = expect(thrown).rejects.toThrow('too late');
    vi.advanceTimersByTime(10);
    expect(await answered).toBe('late');
    await fails;
  });

  test('ends with the signal, also one that came before', async () => {
    const stop = new AbortController();
    const work = { ms: 10, late: () => 'late', stopped: () => 'stopped', signal: stop.signal };
    const first = within(never, work);
    stop.abort();
    expect(await first).toBe('stopped');
    expect(await within(never, work)).toBe('stopped');
    expect(vi.getTimerCount()).toBe(0);
  });

  test('hands what comes after all to whoever discards it; a late failure is nobody’s', async () => {
    const work = Promise.withResolvers<string>();
    const failing = Promise.withResolvers<string>();
    const discarded: string[] = [];
    const patience = { ms: 10, late: () => 'late', discard: (result: string) => void discarded.push(result) };
    const both = [within(work.promise, patience), within(failing.promise, patience)];
    vi.advanceTimersByTime(10);
    expect(await Promise.all(both)).toEqual(['late', 'late']);
    work.resolve('after all');
    failing.reject(new Error('after all'));
    await Promise.allSettled([work.promise, failing.promise]);
    expect(discarded).toEqual(['after all']);
  });
});

test('a delay ends with its signal, and leaves no timer', async () => {
  const stop = new AbortController();
  const waiting = delay(1_000, stop.signal);
  stop.abort();
  await waiting;
  await delay(1_000, stop.signal);
  await delay(0);
  expect(vi.getTimerCount()).toBe(0);
});

test('a deadline that is set anew forgets what it was set for, and one that is cleared all of it', () => {
  const called: string[] = [];
  const deadline = new Deadline();
  deadline.set(10, () => void called.push('first'));
  deadline.set(20, () => void called.push('second'));
  vi.advanceTimersByTime(15);
  expect([called, deadline.isSet]).toEqual([[], true]);
  vi.advanceTimersByTime(5);
  expect([called, deadline.isSet]).toEqual([['second'], false]);
  deadline.set(10, () => void called.push('third'));
  deadline.clear();
  vi.advanceTimersByTime(10);
  expect([called, deadline.isSet]).toEqual([['second'], false]);
});

describe('a limit of a process that stands still', () => {
  beforeEach(() => void vi.useRealTimers());
  const standStill = (ms: number): void => {
    for (const until = performance.now() + ms; performance.now() < until; );
  };
  const turn = (): Promise<void> => new Promise(setImmediate);

  test('does not run out for that: what came meanwhile is looked at first', async () => {
    // The turn of the loop in which it is found to be late comes in between.
    const here = turn()
      .then(turn)
      .then(() => 'here');
    const answer = within(here, { ms: 10, late: () => 'late' });
    standStill(100);
    expect(await answer).toBe('here');
  });

  test('that is over before it is set is over at once, and nobody is warned of it', async () => {
    const warned = vi.fn();
    process.on('warning', warned);
    expect(await within(new Promise<never>(() => {}), { ms: -40, late: () => 'late' })).toBe('late');
    await turn();
    process.off('warning', warned);
    expect(warned).not.toHaveBeenCalled();
  });

  test('runs out all the same, though it stands still again and again', async () => {
    let isOver = false;
    void within(new Promise<never>(() => {}), { ms: 10, late: () => 'late' }).then(() => {
      isOver = true;
    });
    while (!isOver) {
      standStill(50);
      await turn();
    }
  });
});

test('no wait ends at once because it is longer than a timer holds', async () => {
  const days = 86_400_000;
  let over = 0;
  const limit = new Deadline();
  limit.set(30 * days, () => {
    over += 1;
  });
  const waiting = { delay: 'waits', within: 'waits' };
  void delay(30 * days).then(() => {
    waiting.delay = 'over';
  });
  void within(new Promise<never>(() => {}), { ms: 30 * days, late: () => 'late' }).then((how) => {
    waiting.within = how;
  });
  await vi.advanceTimersByTimeAsync(24 * days);
  expect([over, waiting, limit.isSet]).toEqual([0, { delay: 'waits', within: 'waits' }, true]);
  await vi.advanceTimersByTimeAsync(6 * days - 1);
  expect(over).toBe(0);
  await vi.advanceTimersByTimeAsync(1);
  expect(over).toBe(1);

  limit.set(30 * days, () => {
    over += 1;
  });
  await vi.advanceTimersByTimeAsync(25 * days);
  limit.clear();
  await vi.advanceTimersByTimeAsync(10 * days);
  expect(over).toBe(1);
});

test('a wait after a failure doubles up to its last, after however many', () => {
  expect([0, 1, 2, 3].map((before) => backoff(before, 100, 500))).toEqual([100, 200, 400, 500]);
  expect(backoff(100_000, 100, 500)).toBe(500);
});
