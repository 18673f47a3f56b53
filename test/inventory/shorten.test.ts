import fc from 'fast-check';
import { expect, test } from 'vitest';
import { shorten } from '../../src/inventory/shorten.ts';

test('a text that is cut for an answer fits, says that it was cut, and ends with no half of a character', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 2, max: 20 }), (text, maxChars) => {
      const short = shorten(text, maxChars);
      expect(short.length).toBeLessThanOrEqual(maxChars);
      expect(short.isWellFormed()).toBe(true);
      if (text.length <= maxChars) expect(short).toBe(text);
      else expect(text.startsWith(short.slice(0, -1)) && short.endsWith('…')).toBe(true);
    }),
  );
  expect(shorten('abcdef', 4)).toBe('abc…');
  expect(shorten('ab😀def', 4)).toBe('ab…');
});
