import { expect, test, vi } from 'vitest';
import { LeastRate } from '../../../src/ssh/sftp/least-rate.ts';

test('each window has to bring its share: what came before it does not count', async () => {
  let windows = 0;
  let isMoving = true;
  const tooSlow = Promise.withResolvers<void>();
  const rate = new LeastRate(40, 1_000, tooSlow.resolve);
  const moving = setInterval(() => {
    windows += 1;
    if (isMoving) rate.moved(1_000_000);
  }, 5);
  rate.wait();
  let isTooSlow = false;
  void tooSlow.promise.then(() => {
    isTooSlow = true;
  });
  await vi.waitFor(() => expect(windows).toBeGreaterThan(30), { timeout: 20_000 });
  expect(isTooSlow).toBe(false);
  isMoving = false;
  await tooSlow.promise;
  clearInterval(moving);
});

test('time in which nobody waits for the host does not count', async () => {
  let calls = 0;
  const rate = new LeastRate(30, 1_000, () => {
    calls += 1;
  });
  rate.wait();
  rate.rest();
  await new Promise((resolve) => setTimeout(resolve, 90));
  expect(calls).toBe(0);
  rate.wait();
  await vi.waitFor(() => expect(calls).toBe(1), { timeout: 20_000 });
});
