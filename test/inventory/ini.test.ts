import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../src/errors.ts';
import { parseIni } from '../../src/inventory/ini.ts';
import { Problems } from '../../src/inventory/problems.ts';
import { hasPython, type PythonReading, readWithPython } from './python.ts';

/** Our reading, in the shape of Python's: each section with its own values and the inherited ones. */
function read(text: string): PythonReading {
  const problems = new Problems('inventory.ini');
  const file = parseIni(text, problems);
  try {
    problems.throwIfAny();
  } catch (error) {
    if (error instanceof ConfigError) return { error: error.message };
    throw error;
  }
  const defaults = Array.from(file.defaults.entries, ([key, { value }]) => [key, value] as const);
  return {
    defaults,
    sections: file.sections.map(({ name, entries }) => [
      name,
      Array.from(new Map([...defaults, ...Array.from(entries, ([key, { value }]) => [key, value] as const)])),
    ]),
  };
}

/** Only that Python refuses is compared, not its words; order is not part of what a file says. */
function comparable(reading: PythonReading): unknown {
  if ('error' in reading) return 'refused';
  const sorted = (pairs: readonly (readonly [string, string])[]) =>
    pairs.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return {
    defaults: sorted(reading.defaults),
    sections: reading.sections.map(([name, pairs]) => [name, sorted(pairs)]),
  };
}

function problemsOf(text: string): readonly string[] {
  const problems = new Problems('hosts.ini');
  parseIni(text, problems);
  try {
    problems.throwIfAny();
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

const host = (line: string) => `[web01]\n${line}\n`;

/** The 41 inputs of `facts/ssh-fleet.md` 4b. */
const MEASURED = [
  host('password = ab#cd'),
  host('password = ab;cd'),
  host('ip = 10.0.0.1 # web'),
  host('ip = 10.0.0.1 ; web'),
  host('password = a\\\\b\\;c'),
  host('password = a\\#b'),
  host('password = "p@ss"'),
  host("password = 'p@ss'"),
  host('password = "a\\nb"'),
  host('password = 50%off'),
  host('password = a%%b'),
  host('user = bob\npassword = %(user)s1'),
  host('ip: 10.0.0.1'),
  host('a:b = c'),
  host('fe80::1 = True'),
  host('enable'),
  host('enable = true'),
  host('enable = True'),
  host('enable = 0'),
  host('enable = no'),
  host('enable = off'),
  host('password = null'),
  host('password = false'),
  host('IP = 10.0.0.1\nPassWord = x'),
  host('ip = 1\nip = 2'),
  host('ip = 1\nIP = 2'),
  '[web01]\nip = 1\n[web01]\nport = 2\n',
  '[web.prod]\nip = 1\n',
  '[10.0.0.1]\nip = 1\n',
  '[web]\nprod = 1\n[web.prod]\nip = 2\n',
  '[DEFAULT]\nport = 2222\n[a]\nip = 1\n[b]\nport = 22\n',
  '[h] ; prod\nip = 1\n',
  '  [h]\n  ip = 1\n',
  '[ h ]\nip = 1\n',
  '[a]b]\nip = 1\n',
  host('hosts = a,\n  b\n  c'),
  'ip = 1\n[a]\n',
  '\ufeff[web01]\nip = 1\n',
  host('host[] = a\nhost[] = b'),
  '[__proto__]\nip = 1\n[constructor]\n__proto__ = x\nprototype = y\n',
  '[web01]\r\nport = 0022\r\na=b=c\r\nuser = root   \r\n  # indented comment\r\nempty =\r\n',
];

const PASSWORDS = [
  'plain',
  '#leading',
  ';leading',
  'trailing#',
  'trailing;',
  'a # b',
  'a ; b',
  '"',
  '""',
  '"open',
  'close"',
  '"a" b "c"',
  "'",
  "''",
  "it's",
  '\\',
  '\\\\',
  '\\"',
  'a\\',
  '\\n\\t\\u0041',
  '%',
  '%%',
  '%(ip)s',
  `$\{ip}`,
  '=',
  '==x',
  ':',
  ': x',
  'a=b:c=d',
  'with inner  spaces',
  'with\tinner\ttabs',
  '\u00a0no-break space around\u00a0',
  '\u2028line separator\u2029inside\u2028',
  'a\u2028b',
  '\x1cfile separator\x1d',
  '\x85next line\x85',
  '\ufeffmark\ufeff',
  'ünïcödé ✓ 密码 🔑',
  'e\u0301 combining',
  '[web02]',
  '[]',
  '{"a":1}',
  'true',
  'null',
  '0x10',
  'undefined',
  'null\u0000byte',
  '`$(reboot)`',
  '-----BEGIN KEY-----',
];

const LAYOUTS = [
  '',
  '\n\n\n',
  '# only a comment',
  '[a]',
  '[a]\n\n  \n\t\n',
  '[]\nip = 1',
  '[]]\nip = 1',
  '[a\nip = 1',
  '[a]\nip = 1\n\n  after an empty line\n\n\nport = 2',
  '[a]\nip = 1\n# comment inside\n  goes on\n  ; another\n  and on',
  '[a]\nip = 1\n  # not a continuation\nport = 2',
  '[a]\n    ip = 1\n  port = 2\n      goes on\n    goes on too',
  '[a]\nip = 1\n  [b]\n  port = 2',
  '[a]\nip =\n  on the next line',
  '[a]\nip =\n\n  after an empty one',
  '[a]\n  indented first\n',
  '[a]\nip = 1\n\x0b\x0c\nport = 2',
  '[a]\rip = 1\rport = 2\r',
  '[a]\r\nip = 1\r\n  more\r\n\r\n  and more\r\n',
  '[a]\n= 1',
  '[a]\n: 1',
  '[a]\n=\n  deeper',
  '[a]\nkey\n  deeper = 1',
  '[a]\nip = 1\nkey\n  deeper = 1',
  '[a]\nmy key with spaces = 1\n"quoted key" : 2',
  '[a]\nKEY\u0130 = 1\n\u00dc\u00c4 = 2',
  '[a]\n[b]\n[a]\n',
  '[A]\nip = 1\n[a]\nip = 2\n',
  '[DEFAULT]\nx = 1\n[a]\n[DEFAULT]\ny = 2\n[b]\nx = 3',
  '[DEFAULT]\nx = 1\n[DEFAULT]\nx = 2',
  '[default]\nx = 1\n[a]\n',
  '[a] = b\nip = 1',
  '[a]: b\nip = 1',
  '[x = [y]\nip = 1',
  'rem comment\n[a]',
  '[a]\nrem = not a comment',
  '[a]\nhasOwnProperty = 1\ntoString = 2\n__proto__ = 3\n',
  '[a]\nip = 1\n\n[b]\n\nip = 2\n',
  '[a]\n\u3000ip = 1\n\u3000\u3000deeper by a wide space',
  '[a]\nip = 1\n\ttab\n \tspace and tab',
];

const INPUTS = [...MEASURED, ...PASSWORDS.map((word) => host(`password = ${word}`)), ...LAYOUTS];

/** Lines that mean something, put together anyhow: most random texts would not get past the first one. */
const someLines = fc
  .array(
    fc.tuple(
      fc.constantFrom('', '', '', ' ', '  ', '    ', '\t', '\u00a0'),
      fc.oneof(
        { weight: 5, arbitrary: fc.constantFrom('[a]', '[b.c]', '[DEFAULT]', '[ d ]x', '[]', '[x', ']') },
        {
          weight: 8,
          arbitrary: fc
            .tuple(
              fc.constantFrom('ip', 'IP', 'port', 'user', 'a b', '', '__proto__', 'k[]', '"q"'),
              fc.constantFrom('=', ':', ' = ', ' : ', '', ' =', '=='),
              fc.constantFrom('1', '', '#', 'x ; y', '"v"', "'", '\\', '%', 'true', '[b]', 'ü', '\u2028'),
            )
            .map((parts) => parts.join('')),
        },
        { weight: 3, arbitrary: fc.constantFrom('', '# c', '; c', '#', ' ', '\x0b') },
        { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 12 }) },
      ),
      fc.constantFrom('\n', '\n', '\n', '\r\n', '\r', ' \n', '\n\n'),
    ),
    { maxLength: 14 },
  )
  .map((lines) => `${lines.some(() => true) ? '[s]\n' : ''}${lines.map((line) => line.join('')).join('')}`);

describe('an INI file', () => {
  test.skipIf(!hasPython)('is read as Python reads it: measured inputs, passwords, layouts', () => {
    expect(MEASURED).toHaveLength(41);
    const python = readWithPython(INPUTS);
    for (const [i, text] of INPUTS.entries()) {
      expect({ text, reading: comparable(read(text)) }).toEqual({
        text,
        reading: comparable(python[i] ?? { error: 'no answer' }),
      });
    }
  });

  test.skipIf(!hasPython)('is read as Python reads it: lines put together anyhow', () => {
    const texts = fc.sample(fc.oneof(someLines, fc.string({ unit: 'grapheme' })), 2_000);
    const python = readWithPython(texts);
    // Enough of them must be readable, or the comparison says little.
    expect(python.filter((reading) => !('error' in reading)).length).toBeGreaterThan(200);
    for (const [i, text] of texts.entries()) {
      expect({ text, reading: comparable(read(text)) }).toEqual({
        text,
        reading: comparable(python[i] ?? { error: 'no answer' }),
      });
    }
  });

  test('gives every password back as it was written', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (word) => {
        const written = `x${word.replace(/[\r\n]/g, '')}x`;
        expect(read(host(`password = ${written}`))).toEqual({
          defaults: [],
          sections: [['web01', [['password', written]]]],
        });
      }),
    );
  });

  test('is a file or a list of problems, whatever the text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), someLines), (text) => {
        for (const problem of problemsOf(text)) expect(problem).toMatch(/^hosts\.ini:\d+: /);
      }),
    );
  });

  test('names the line of every fault at once', () => {
    expect(
      problemsOf('x = 1\ny = 2\n[a]\nenable\nip = 1\nIP = 2\n= 3\n[a]\nip = 4\n').map((line) => line),
    ).toEqual([
      'hosts.ini:1: stands before the first [section]',
      'hosts.ini:4: neither a [section] nor a "name = value" nor a comment',
      'hosts.ini:6: "ip" is there twice in [a], first on line 5',
      'hosts.ini:7: no name before the "=" or ":"',
      'hosts.ini:8: section [a] is there twice, first on line 3',
    ]);
  });

  test('remembers the line and the spelling of each entry', () => {
    const file = parseIni('\n[a]\n# c\nIP = 1\n', new Problems('x'));
    expect(file.sections[0]).toMatchObject({ name: 'a', line: 2 });
    expect(file.sections[0]?.entries.get('ip')).toEqual({ spelling: 'IP', value: '1', line: 4 });
  });
});
