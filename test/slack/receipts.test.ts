import { afterEach, expect, test, vi } from 'vitest';
import { Receipts } from '../../src/slack/answers/receipts.ts';
import { MemoryReceived } from './memory-received.ts';
import { ANN, OPS, recordLog } from './rig.ts';

const REQUEST = {
  requester: { teamId: 'T0LOCAL01', userId: ANN },
  channelId: OPS,
  what: '/batch_run',
  requestKey: 'first',
} as const;

afterEach(() => {
  vi.useRealTimers();
});

test('an answered request is forgotten once the store is back: after a crash nobody is told that nothing came of it', async () => {
  vi.useFakeTimers();
  const received = new MemoryReceived();
  const answered = await new Receipts(received, recordLog()).note(REQUEST);
  const away = vi.spyOn(received, 'forget').mockRejectedValue(new Error('Connection terminated'));
  await answered();
  await vi.advanceTimersByTimeAsync(20_000);
  expect(received.rows).toHaveLength(1);
  away.mockRestore();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(received.rows).toEqual([]);
});

test('one that was put down, and of which nobody heard or which came late, is forgotten as well', async () => {
  vi.useFakeTimers();
  const received = new MemoryReceived();
  const put = received.note.bind(received);
  vi.spyOn(received, 'note').mockImplementation(async (request, id) => {
    setTimeout(() => void put(request, id), 15_000);
    throw new Error('Connection terminated');
  });
  const answered = await new Receipts(received, recordLog()).note(REQUEST);
  await answered();
  await vi.advanceTimersByTimeAsync(15_000);
  expect(received.rows).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(30_000);
  expect(received.rows).toEqual([]);
});
