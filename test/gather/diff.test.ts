import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { diffLines } from '../../src/gather/diff.ts';
import { cpuMs, FIRST } from '../linear/cpu.ts';

/** As patch(1) would: context has to match, and the hunks have to stand where they say. */
function applyHunks(before: string, diff: string): string {
  if (diff === '') return before;
  const source = before.split('\n');
  const result: string[] = [];
  let at = 0;
  for (const hunk of diff.split(/^(?=@@ -\d+,\d+ \+\d+,\d+ @@$)/m)) {
    const [title = '', ...lines] = hunk.replace(/\n$/, '').split('\n');
    const [, a = '', aCount, b = '', bCount] = /^@@ -(\d+),(\d+) \+(\d+),(\d+) @@$/.exec(title) ?? [];
    result.push(...source.slice(at, Number(a) - 1));
    at = Number(a) - 1;
    expect(result.length).toBe(Number(b) - 1);
    expect(lines.filter((line) => !line.startsWith('+'))).toHaveLength(Number(aCount));
    expect(lines.filter((line) => !line.startsWith('-'))).toHaveLength(Number(bCount));
    for (const line of lines) {
      if (!line.startsWith('+')) expect(source[at++]).toBe(line.slice(1));
      if (!line.startsWith('-')) result.push(line.slice(1));
    }
  }
  return [...result, ...source.slice(at)].join('\n');
}

const anyLines = fc.array(fc.constantFrom('a', 'b', 'c', 'disk', '', '  x'), { minLength: 1, maxLength: 30 });

describe('the difference of two outputs', () => {
  test('makes the one into the other', () => {
    fc.assert(
      fc.property(anyLines, anyLines, (a, b) => {
        const diff = diffLines(a.join('\n'), b.join('\n'));
        expect(applyHunks(a.join('\n'), diff ?? 'too large')).toBe(b.join('\n'));
      }),
      { numRuns: 500 },
    );
  });

  test('shows two lines around each change, and changes that are near each other together', () => {
    const lines = Array.from({ length: 20 }, (_, n) => `line ${n + 1}`);
    const other = lines.with(2, 'changed').with(5, 'changed too').with(15, 'far away');
    expect(diffLines(lines.join('\n'), other.join('\n'))).toBe(
      [
        '@@ -1,8 +1,8 @@',
        ' line 1',
        ' line 2',
        '-line 3',
        '+changed',
        ' line 4',
        ' line 5',
        '-line 6',
        '+changed too',
        ' line 7',
        ' line 8',
        '@@ -14,5 +14,5 @@',
        ' line 14',
        ' line 15',
        '-line 16',
        '+far away',
        ' line 17',
        ' line 18',
      ].join('\n'),
    );
  });

  test('is nothing where there is none', () => {
    expect(diffLines('a\nb', 'a\nb')).toBe('');
  });

  test('is given up where the two are too large or too different, before it has cost much', () => {
    const many = (prefix: string, count: number) =>
      Array.from({ length: count }, (_, n) => `${prefix}${n}`).join('\n');
    const ms = cpuMs(() => {
      expect(diffLines(many('a', 3_000), many('b', 3_000))).toBeUndefined();
      expect(diffLines(many('a', 6_000), many('a', 6_001))).toBeUndefined();
    });
    expect(ms).toBeLessThan(FIRST.maxCpuMs);
  });
});
