import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Refusal } from '../../src/errors.ts';
import { resolveTargets, resolveTerms, splitTerms } from '../../src/inventory/expression.ts';
import { cpuMs, FIRST } from '../linear/cpu.ts';
import { fleet, read } from './inventories.ts';

const inventory = fleet(['web01', 'web02', 'web03', 'Web10', 'db1', 'db2', 'bastion'], {
  web: ['web01', 'web02', 'web03', 'web10'],
  db: ['db1', 'db2'],
  web_clusters: ['web'],
  empty: [],
});

function resolve(hosts: string, groups = '', exclude = ''): readonly string[] {
  return resolveTargets(inventory, {
    hosts: splitTerms(hosts),
    groups: splitTerms(groups),
    exclude: splitTerms(exclude),
  }).hosts.map(({ name }) => name);
}

function refusalOf(...words: Parameters<typeof resolve>): Refusal {
  try {
    resolve(...words);
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error('not refused');
}

const ALL = ['web01', 'web02', 'web03', 'Web10', 'db1', 'db2', 'bastion'];

describe('an expression', () => {
  test.each<[string, string, string, readonly string[]]>([
    ['db1,web01', '', '', ['web01', 'db1']],
    ['WEB01, web01,Web01', '', '', ['web01']],
    ['web[01-03]', '', '', ['web01', 'web02', 'web03']],
    ['web[01,03]', '', '', ['web01', 'web03']],
    ['WEB*', '', '', ['web01', 'web02', 'web03', 'Web10']],
    ['db?', '', '', ['db1', 'db2']],
    ['web0[1-2]*', '', '', ['web01', 'web02']],
    ['all', '', '', ALL],
    ['ALL,!web*', '', '', ['db1', 'db2', 'bastion']],
    ['@db', '', '', ['db1', 'db2']],
    ['@DB,!db1', '', '', ['db2']],
    ['all,!@web', '', '', ['db1', 'db2', 'bastion']],
    ['@web*', '', '', ['web01', 'web02', 'web03', 'Web10']],
    ['', 'web,db', '', ['web01', 'web02', 'web03', 'Web10', 'db1', 'db2']],
    ['', '@web', '', ['web01', 'web02', 'web03', 'Web10']],
    ['bastion', 'db', '', ['db1', 'db2', 'bastion']],
    ['', 'web*,!web_clusters,db', '', ['db1', 'db2']],
    ['all', '', 'web*,@db', ['bastion']],
    ['all', '', '!web*,!@db', ['bastion']],
    ['web01', 'db', 'web01', ['db1', 'db2']],
  ])('-h %j -g %j -x %j', (hosts, groups, exclude, names) => {
    expect(resolve(hosts, groups, exclude)).toEqual(names);
  });

  test('names every term that matches nothing, with near names', () => {
    const refusal = refusalOf('wbe01,web[01-05],nope*,web0x*,web0[07-09],db1', 'wbe', 'web99');
    expect(refusal.code).toBe('unknown-name');
    expect(refusal.message.split('\n')).toEqual([
      'There is no host "wbe01"; did you mean web01?',
      'web[01-05]: there is no host web[04-05].',
      'No host matches nope*.',
      'No host matches web0x*; did you mean web01, web02, web03?',
      'There is no host of web0[07-09]; did you mean web01, web02, web03?',
      'There is no group "wbe"; did you mean web?',
      'There is no host "web99"; did you mean web01, web02, web03?',
    ]);
  });

  test('says where a group was named as a host, and a host as a group', () => {
    expect(refusalOf('web').message).toBe('"web" is a group: write -g web or @web.');
    expect(refusalOf('', 'db1').message).toBe('"db1" is a host, not a group: write -h db1.');
  });

  test('refuses what excludes nothing that is there', () => {
    expect(refusalOf('all,!wbe01').message).toBe('There is no host "wbe01"; did you mean web01?');
    expect(refusalOf('all', '', '@poduction').message).toBe('There is no group "poduction".');
  });

  test('refuses exclusions alone, and what leaves no host', () => {
    expect(refusalOf('!web01')).toMatchObject({
      code: 'unknown-name',
      remedy: expect.stringContaining('all,!web'),
    });
    expect(refusalOf('db1,!db*').message).toMatch(/^No host is left/);
    expect(refusalOf('', 'empty').message).toBe('empty has no hosts that are set to True.');
  });

  test('refuses a malformed term as a matter of spelling', () => {
    expect(refusalOf('web[3-1]')).toMatchObject({ code: 'usage', message: 'web[3-1]: "3-1" counts down.' });
    expect(refusalOf('!')).toMatchObject({ code: 'usage' });
    expect(refusalOf('web01 db1')).toMatchObject({ code: 'usage' });
    expect(refusalOf('nope,web[')).toMatchObject({ code: 'unknown-name' });
  });

  test('an address in place of a name is told the name that has it', () => {
    const named = read(
      '[DEFAULT]\nuser = u\npassword = x\n[a]\nip = 10.0.0.1\n[b]\nip = 10.0.0.1\nport = 23\n[c]\nip = FE80::1\n',
    );
    const say = (term: string) => {
      try {
        resolveTerms(named, [term]);
      } catch (error) {
        if (error instanceof Refusal) return error.message;
      }
      return 'no refusal';
    };
    expect(say('10.0.0.1')).toBe('"10.0.0.1" is an address, and hosts go by name: write a or b.');
    expect(say('fe80::1')).toBe('"fe80::1" is an address, and hosts go by name: write c.');
    expect(say('10.0.0.2')).toContain('There is no host "10.0.0.2"');
  });

  test('stays short where thousands are missing', () => {
    const refusal = refusalOf(Array.from({ length: 500 }, (_, i) => `x${i}`).join(','));
    expect(refusal.message.split('\n')).toHaveLength(11);
    expect(refusal.message).toContain('… and 490 more');
    expect(refusalOf('n[0001-1024]').message.length).toBeLessThan(300);
  });

  test('keeps disabled hosts, for the caller to report as skipped', () => {
    const one = read('[a]\nip = a\nuser = u\npassword = x\nenable = False\n');
    expect(resolveTerms(one, ['all']).map(({ enabled }) => enabled)).toEqual([false]);
  });

  test('points out two names of one login', () => {
    const twins = read(
      '[DEFAULT]\nuser = u\npassword = x\n[a]\nip = h\n[b]\nip = H\n[c]\nip = h\nport = 23\n',
    );
    expect(resolveTargets(twins, { hosts: ['all'], groups: [], exclude: [] }).notes).toEqual([
      'a and b are the same login (u@h:22): it is used once for each name.',
    ]);
    const many = read(
      `[DEFAULT]\nuser = u\npassword = x\n${Array.from({ length: 50 }, (_, n) => `[w${n + 10}]\nip = h${n % 5}\n`).join('')}`,
    );
    expect(resolveTargets(many, { hosts: ['all'], groups: [], exclude: [] }).notes).toEqual([
      'w[10,15,20,25,30,35,40,45,50,55] are the same login (u@h0:22): it is used once for each name.',
      'w[11,16,21,26,31,36,41,46,51,56] are the same login (u@h1:22): it is used once for each name.',
      'w[12,17,22,27,32,37,42,47,52,57] are the same login (u@h2:22): it is used once for each name.',
      'So are the hosts of 2 more logins.',
    ]);
  });

  test('without terms means all, where terms are optional', () => {
    expect(resolveTerms(inventory, []).map(({ name }) => name)).toEqual(ALL);
  });

  test('is hosts of the inventory in its order, each once, or a Refusal', () => {
    const term = fc.oneof(
      fc.constantFrom(
        'web01',
        'db1',
        'all',
        'web*',
        '@web',
        '@db',
        '!web01',
        '!@db',
        'web[01-02]',
        'nope',
        '*',
      ),
      fc.string({ maxLength: 6 }),
    );
    fc.assert(
      fc.property(fc.array(term), fc.array(term), fc.array(term), (hosts, groups, exclude) => {
        try {
          const names = resolveTargets(inventory, { hosts, groups, exclude }).hosts.map(({ name }) => name);
          expect(names.length).toBeGreaterThan(0);
          expect(names).toEqual(ALL.filter((name) => names.includes(name)));
        } catch (error) {
          expect(error).toBeInstanceOf(Refusal);
        }
      }),
    );
  });
});

describe('no expression holds up the others', () => {
  /** Numbered, alike for long, and of one letter: each the worst for some expression. */
  const large = fleet(
    Array.from(
      { length: 10_000 },
      (_, n) => [`web${n}`, `${'a'.repeat(60)}${n}`, `rack${n % 40}-node${n}.example.net`].at(n % 3) ?? '',
    ),
    Object.fromEntries(
      Array.from({ length: 40 }, (_, g) => [
        `g${g}`,
        Array.from({ length: 3_334 }, (_, n) => `web${3 * n}`).slice(g),
      ]),
    ),
  );
  const chars = (text: string) => `${text},`.repeat(Math.ceil(12_000 / text.length)).slice(0, -1);
  const cost = (terms: string, groups = '') =>
    cpuMs(() => {
      try {
        const split = { hosts: splitTerms(terms), groups: splitTerms(groups), exclude: [] };
        resolveTargets(large, split);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
      }
    });
  cost('all,*');

  test.each([
    ['patterns of brackets and stars', '*[1-1024][1-4]*'],
    ['many of them', chars('*[1-1024][1-4]*')],
    ['patterns with a beginning', chars('a[1-1024][1-4]*')],
    ['thousands of stars', `${'*a'.repeat(6_000)}b`],
    ['many patterns', chars('*a*b')],
    ['patterns that go back for long', chars(`*${'a'.repeat(30)}b`)],
    ['question marks', chars('?'.repeat(63))],
    ['a name that is not there and goes on', chars('web[1-1024][1-4]')],
    ['many that are too many', chars('[1-1024][1-1024]')],
    ['names without number', chars('x[1-1024][1-4]')],
    ['many brackets', `web${'[1-2]'.repeat(2_000)}`],
    ['a long name in numbers', `${'a1'.repeat(5_000)}[1-1024][1-4]`],
    ['all, again and again', chars('all')],
    ['a slip in long names', Array.from({ length: 100 }, (_, n) => `${'a'.repeat(58)}bcde${n}`).join(',')],
    ['other slips in long names', Array.from({ length: 100 }, (_, n) => `b${'a'.repeat(60)}${n}`).join(',')],
    ['addresses', Array.from({ length: 1_000 }, (_, n) => `10.0.9.${n}`).join(',')],
    ['groups of all', chars('@*')],
  ])('%s', (_name, terms) => {
    expect(cost(terms)).toBeLessThan(FIRST.maxCpuMs);
  });

  test('groups, again and again', () => {
    expect(cost('web0', chars('g*'))).toBeLessThan(FIRST.maxCpuMs);
  });

  test('one that would is refused, with what to write instead', () => {
    expect(() => resolveTerms(large, ['*[1-1024][1-4]*'])).toThrow(
      expect.objectContaining({
        code: 'usage',
        message: 'This takes too much looking up: it was given up at *[1-1024][1-4]*.',
        remedy: 'Begin patterns with letters of the names (web* instead of *web*), or ask for less at once.',
      }),
    );
  });

  test('what people write of a fleet is not', () => {
    const numbers = Array.from({ length: 10 }, (_, n) => `web[${n * 1_000}-${n * 1_000 + 999}/3]`);
    for (const terms of [['web*'], ['all', '!*9'], ['web[0-99/3]*', '*-node*'], ['*.net', '!rack[1-9]-*']]) {
      expect(resolveTerms(large, terms).length).toBeGreaterThan(0);
    }
    expect(() => resolveTerms(large, numbers)).toThrow(/There is no host of/);
    expect(resolveTerms(large, ['*[10-19]?']).length).toBeGreaterThan(0);
  });
});
