import { expect, test } from 'vitest';
import { Anchors } from '../../src/process/anchors.ts';
import { quiet } from '../store/rig.ts';

test('the head is shown at the start, again and again, and at the stop; one that fails stops nothing', async () => {
  const shown: string[] = [];
  const third = Promise.withResolvers<void>();
  const logged: object[] = [];
  const anchors = await Anchors.open({
    async anchor(when) {
      shown.push(when);
      if (shown.length === 2) throw new Error('disk full');
      if (shown.length === 3) third.resolve();
      return `${shown.length}:ab`;
    },
    log: { ...quiet, info: (fields) => logged.push(fields) },
    everyMs: 1,
  });
  await third.promise;
  await anchors.close();
  const count = shown.length;
  expect(shown.slice(0, 3)).toEqual(['start', 'daily', 'daily']);
  expect(shown.at(-1)).toBe('stop');
  expect(logged[0]).toEqual({ head: '1:ab', when: 'start' });
  expect(logged).toHaveLength(count - 1);
});
