import { describe, expect, test } from 'vitest';
import { cpuMs, FIRST, LARGE, type Pump, pump, pumped } from './cpu.ts';
import { type FoundPatterns, findPatterns } from './find-patterns.ts';
import { pumpsFor } from './pumps.ts';
import { READERS } from './readers.ts';

const FOUND = findPatterns();
/** The slowest of a pattern's pumps are tried at full length. */
const LONGEST = 2;

/** The worst that somebody thought of, for every pattern. */
const WORST: readonly Pump[] = [
  pump('\u009d'),
  pump('\u001b]x'),
  pump('\u001b[0;'),
  pump('\r', 'x', 'x'),
  pump('a\u0008'),
  pump(','),
  pump('['),
  pump(',[1,'),
  pump('1', '', 'a1'),
  pump(' ', 'x', 'x'),
  pump('=', 'x', 'x'),
  pump('`a'),
  pump(':a'),
  pump('<http://'),
  pump('\u{1f469}\u200d'),
  pump('e\u0301\u0301'),
  pump('\ud800'),
];

function patternsOf({ file, literals }: FoundPatterns): readonly RegExp[] {
  return [...literals, ...(READERS[file]?.made ?? [])];
}

/** From every place of the text, as the engine tries them where the pattern does not fit. */
function everywhere(pattern: RegExp): RegExp {
  return new RegExp(pattern.source, pattern.flags.includes('g') ? pattern.flags : `${pattern.flags}g`);
}

describe('no pattern takes longer than its text is long', () => {
  test('the table knows every regular expression there is', () => {
    const found = Object.fromEntries(
      FOUND.map(({ file, literals, made }) => [file, [literals.length, made.length]]),
    );
    const known = Object.entries(READERS).map(([file, { literals, made }]) => [
      file,
      [literals, made.length],
    ]);
    expect(found).toEqual(Object.fromEntries(known));
  });

  test.each(FOUND.map((one) => [one.file, one] as const))('%s', (_file, one) => {
    for (const pattern of patternsOf(one)) {
      const finds = everywhere(pattern);
      const times = new Map<Pump, number>();
      for (const each of [...WORST, ...pumpsFor(pattern)]) {
        const text = pumped(each, FIRST.chars);
        const ms = cpuMs(() => text.replace(finds, ''));
        expect(ms, `${pattern} on ${FIRST.chars} of ${JSON.stringify(each)}`).toBeLessThan(FIRST.maxCpuMs);
        times.set(each, ms);
      }
      const slowest = [...times].toSorted(([, a], [, b]) => b - a).slice(0, LONGEST);
      for (const [each] of slowest) {
        const text = pumped(each, LARGE.chars);
        const ms = cpuMs(() => text.replace(finds, ''));
        expect(ms, `${pattern} on ${LARGE.chars} of ${JSON.stringify(each)}`).toBeLessThan(LARGE.maxCpuMs);
      }
    }
  });
});
