import { afterEach, expect, test, vi } from 'vitest';
import { Contact } from '../../src/store/postgres/queue/contact.ts';
import { FENCE_MS, LOOK_MS } from '../../src/time/lease.ts';

afterEach(() => void vi.useRealTimers());

test('a start that takes longer than any lease beats not, is not out of touch, and lets nothing start', async () => {
  vi.useFakeTimers();
  const said: string[] = [];
  const say = (_fields: object, message: string) => void said.push(message);
  const contact = new Contact({
    beat: async () => void said.push('beat'),
    onLost: () => void said.push('lost'),
    log: { debug: say, info: say, warn: say, error: say },
    steady: () => Date.now(),
  });
  await vi.advanceTimersByTimeAsync(FENCE_MS * 3);
  expect(said).toEqual([]);
  expect(contact.check()).toBe(false);
  contact.begin();
  expect(contact.check()).toBe(true);
  await vi.advanceTimersByTimeAsync(FENCE_MS * 3);
  expect(new Set(said)).toEqual(new Set(['beat']));
  expect(contact.check()).toBe(true);
  await contact.close();
});

test('of whom the others have not heard for so long begins nothing more and ends what it runs, not before and hardly later', async () => {
  vi.useFakeTimers();
  let lost = 0;
  const contact = new Contact({
    beat: () => new Promise(() => {}),
    onLost() {
      lost += 1;
    },
    log: { debug() {}, info() {}, warn() {}, error() {} },
    steady: () => Date.now(),
  });
  contact.begin();
  await vi.advanceTimersByTimeAsync(FENCE_MS - 1);
  expect([lost, contact.check()]).toEqual([0, true]);
  await vi.advanceTimersByTimeAsync(LOOK_MS + 1);
  expect([lost, contact.check()]).toEqual([1, false]);
});
