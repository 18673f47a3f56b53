import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { splitTerms } from '../../src/inventory/expression.ts';
import { formatHostSet, takeHostSet } from '../../src/inventory/fold-names.ts';
import { matchesGlob, nameFault, splitNames, unfoldTerm } from '../../src/inventory/host-set.ts';

function unfold(text: string): readonly string[] {
  return splitTerms(text).flatMap((term) => {
    const unfolded = unfoldTerm(term);
    if ('fault' in unfolded) throw new Error(unfolded.fault);
    return unfolded.names;
  });
}

describe('a set of host names', () => {
  test.each([
    [['web01', 'web02', 'web03', 'web05', 'db1'], 'web[01-03,05],db1'],
    [['web8', 'web9', 'web10', 'web11'], 'web[8-11]'],
    [['web08', 'web09', 'web10', 'web100'], 'web[08-10],web100'],
    [['node541', 'node0541'], 'node541,node0541'],
    [['rack2-n1.lan', 'rack2-n2.lan', 'rack3-n1.lan'], 'rack2-n[1-2].lan,rack3-n1.lan'],
    [['10.0.0.1', '10.0.0.2'], '10.0.0.1,10.0.0.2'],
    [['db', 'db', 'a'], 'db,a'],
    [['i-12345678901', 'i-12345678902'], 'i-12345678901,i-12345678902'],
    [['web99', 'web01', 'web100'], 'web[01,99],web100'],
    [[], ''],
  ])('%j is shown as %s', (names, shown) => {
    expect(formatHostSet(names)).toBe(shown);
  });

  test('loses and doubles no name when folded', () => {
    const name = fc
      .tuple(
        fc.constantFrom('web', 'db-', 'r1n', '', 'x.'),
        fc.oneof(
          fc.nat(30).map(String),
          fc.nat(12).map((n) => String(n).padStart(2, '0')),
          fc.constantFrom('007', '9', ''),
        ),
        fc.constantFrom('', '.lan', 'a'),
      )
      .map((parts) => parts.join(''))
      .filter((word) => word !== '');
    fc.assert(
      fc.property(fc.uniqueArray(fc.oneof(name, fc.ipV4(), fc.ipV6()), { maxLength: 60 }), (names) => {
        expect(unfold(formatHostSet(names)).toSorted()).toEqual(names.toSorted());
      }),
    );
  });

  test.each([
    ['web[01-03]', ['web01', 'web02', 'web03']],
    ['web[1,3,5-7]', ['web1', 'web3', 'web5', 'web6', 'web7']],
    ['n[0-6/3]', ['n0', 'n3', 'n6']],
    ['r[1-2]n[8-9]x', ['r1n8x', 'r1n9x', 'r2n8x', 'r2n9x']],
    ['w[ 1 , 2 ]', ['w1', 'w2']],
  ])('%s unfolds', (term, names) => {
    expect(unfoldTerm(term)).toEqual({ names });
  });

  test.each([
    ['web[', 'a bracket is not closed'],
    ['web[1]]', 'a bracket is not closed'],
    ['web[a-c]', '"[a-c]" is not a list of numbers such as [1,3,5-7]'],
    ['web[]', '"[]" is not a list of numbers such as [1,3,5-7]'],
    ['web[3-1]', '"3-1" counts down'],
    ['web[01-100]', '"01-100" has numbers of different width'],
    ['web[1-5/0]', '"1-5/0" has a step of 0'],
    ['web[1-1025]', '"[1-1025]" stands for more than 1024 names'],
    ['web[1-999999999]', '"[1-999999999]" stands for more than 1024 names'],
    ['web[1-9999999999]', '"1-9999999999" has more than 9 digits'],
    ['r[1-100]n[1-100]', 'it stands for more than 4096 names'],
    ['[1][1][1][1][1][1][1][1][1]', 'it has more than 8 brackets'],
    [`${'a'.repeat(101)}[1-2]`, 'no name is longer than 100 characters'],
  ])('%s is refused', (term, fault) => {
    expect(unfoldTerm(term)).toEqual({ fault });
  });
});

describe('a glob', () => {
  test('matches what the regular expression of it would', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '.', '-'), maxLength: 8 });
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?', '.'), maxLength: 6 });
    fc.assert(
      fc.property(pattern, letters, (glob, text) => {
        const source = glob.replaceAll('.', '\\.').replaceAll('*', '.*').replaceAll('?', '.');
        expect(matchesGlob(glob, text)).toBe(new RegExp(`^${source}$`).test(text));
      }),
      { numRuns: 2_000 },
    );
  });

  test('of many stars takes no time', () => {
    expect(matchesGlob(`${'*a'.repeat(50)}b`, 'a'.repeat(5_000))).toBe(false);
  });
});

describe('what is printed can be typed again', () => {
  const part = fc.oneof(
    fc.string({
      unit: fc.constantFrom('a', 'w', '-', '.', '_', '0', '1', '9', '报', 'Z', ':', '+'),
      minLength: 1,
      maxLength: 6,
    }),
    fc.integer({ min: 0, max: 3_000 }).map((n) => `web${n}`),
    fc.integer({ min: 0, max: 3_000 }).map((n) => `web${String(n).padStart(4, '0')}`),
    fc.integer({ min: 0, max: 120 }).map((n) => `r${n}n${String(n).padStart(2, '0')}.lan`),
  );
  const names = fc
    .uniqueArray(part, { maxLength: 40 })
    .map((some) => some.filter((name) => nameFault(name) === undefined));
  test('any set of names, formatted, reads back as the same set', () => {
    fc.assert(
      fc.property(names, (set) => {
        expect(unfold(formatHostSet(set)).toSorted()).toEqual(set.toSorted());
      }),
      { numRuns: 3_000 },
    );
  });

  test('so does as much of it as has room, and the count of it is right', () => {
    fc.assert(
      fc.property(
        names,
        fc.nat(120),
        fc.constantFrom(',' as const, ', ' as const),
        (set, maxChars, separator) => {
          const { text, count } = takeHostSet(set, { maxChars, restChars: 10, separator });
          const read = text === '' ? [] : splitNames(text).flatMap((term) => unfold(term.trim()));
          expect(text.length).toBeLessThanOrEqual(maxChars);
          expect(read).toHaveLength(count);
          expect(new Set(read).size).toBe(count);
          expect(set).toEqual(expect.arrayContaining([...read]));
          if (formatHostSet(set).replaceAll(',', separator).length <= maxChars)
            expect(count).toBe(set.length);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  test('also thousands in a row, which take more than one bracket', () => {
    for (const width of [0, 5]) {
      const row = Array.from({ length: 10_000 }, (_, i) => `web${String(i + 1).padStart(width, '0')}`);
      const odd = row.filter((_, i) => i % 2 === 0);
      for (const set of [row, odd, row.slice(0, 1_025)]) {
        expect(unfold(formatHostSet(set)).toSorted()).toEqual(set.toSorted());
      }
    }
    expect(formatHostSet(Array.from({ length: 2_048 }, (_, i) => `n${i + 1}`))).toBe(
      'n[1-1024],n[1025-2048]',
    );
  });
});
