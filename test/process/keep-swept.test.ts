import { expect, test, vi } from 'vitest';
import { keepSwept } from '../../src/process/keep-swept.ts';

test('what is old and could not be looked through is named in the log, and keeps nothing else from being swept', async () => {
  const said: unknown[] = [];
  const log = {
    debug() {},
    info: (about: object, words: string) => void said.push([about, words]),
    warn: (about: object, words: string) => void said.push([about, words]),
    error() {},
  };
  const broken = new Error('EIO');
  using _ = keepSwept(
    [
      { what: 'spooled output', sweep: () => Promise.reject(broken) },
      { what: 'uploads', sweep: async () => 2 },
      { what: 'records', sweep: async () => 0 },
    ],
    log,
  );
  await vi.waitFor(() => expect(said).toHaveLength(2));
  expect(said).toContainEqual([
    { what: 'spooled output', err: broken },
    'what is old could not be looked through',
  ]);
  expect(said).toContainEqual([{ what: 'uploads', removed: 2 }, 'what was old is removed from the disk']);
});
