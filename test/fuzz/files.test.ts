import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ConfigError, Refusal } from '../../src/errors.ts';
import { resolveTerms } from '../../src/inventory/expression.ts';
import type { Inventory } from '../../src/inventory/inventory.ts';
import { parseInventory } from '../../src/inventory/parse-inventory.ts';
import { HOST_KEYS } from '../../src/inventory/section/host-section.ts';
import { parseAllowlist, RULE_ACTIONS } from '../../src/policy/allowlist.ts';
import { anyChars, cases, FUZZ_MS, soon } from './cases.ts';
import { FLEET } from './fleet.ts';

const PASSWORD = 'hunter2hunter2';
const KEY = '-----BEGIN OPENSSH PRIVATE KEY-----';

const anySection = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom('[web01]', '[web02]', '[WEB01]', '[web]', '[db]', '[all]', '[DEFAULT]'),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '[]',
      '[a b]',
      '[!x]',
      '[@web]',
      '[web*]',
      '[x',
      'x]',
      '[__proto__]',
      '[10.0.0.1]',
    ),
  },
  { weight: 1, arbitrary: anyChars.map((text) => `[${text}]`) },
);
const anyHostLine = fc
  .tuple(
    fc.constantFrom(...HOST_KEYS, 'var_ROLE', 'web01', 'web02', 'web', 'db', 'IP', 'passwort', '__proto__'),
    fc.constantFrom(' = ', '=', ':', ' : ', ' ', ''),
    fc.oneof(
      {
        weight: 8,
        arbitrary: fc.constantFrom(
          '10.0.0.1',
          '::1',
          '[::1]',
          'host.example',
          '22',
          '65536',
          '0',
          '-1',
          '022',
          'ops',
          'True',
          'no',
          'web01',
          'web02',
          'web01, web02',
          'auto',
          'raw',
          'posix',
          'env:PW',
          'env:',
          'file:/k',
          'file:',
          PASSWORD,
          `SHA256:${'A'.repeat(43)}`,
          '(',
          'a{1,99999}',
          '(a+)+$',
        ),
      },
      { weight: 2, arbitrary: anyChars },
    ),
  )
  .map((parts) => parts.join(''));
const anyJunk = fc.oneof(
  fc.constantFrom('', '# c', '; c', '  indented', '\tk = v', '\ufeff', '=', `password = ${PASSWORD}`),
  anyChars,
);
const anyEnd = fc.constantFrom('\n', '\n', '\n', '\r\n', '\r', '\u2028');

function textOf(line: fc.Arbitrary<string>, maxSections = 6): fc.Arbitrary<string> {
  const section = fc.tuple(
    anySection,
    fc.array(fc.oneof({ weight: 9, arbitrary: line }, { weight: 1, arbitrary: anyJunk }), { maxLength: 6 }),
  );
  return fc
    .tuple(fc.array(section, { maxLength: maxSections }), anyEnd)
    .map(([sections, end]) => sections.flatMap(([name, lines]) => [name, ...lines]).join(end));
}

/** What is read, or undefined where every problem names its line and none a secret. */
function read<T>(parse: () => T, file: string): T | undefined {
  try {
    return soon(parse);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    expect(error.problems.length).toBeGreaterThan(0);
    for (const problem of error.problems) {
      expect(problem).toMatch(new RegExp(`^${file}(:\\d+)?: .`, 'u'));
      expect(problem).not.toMatch(/[\n\r]/);
    }
    expect(error.problems.join('\n')).not.toContain(PASSWORD);
    return undefined;
  }
}

const world = {
  env: (name: string) => (name === 'PW' ? PASSWORD : undefined),
  readFile: (path: string) => {
    if (path !== '/k') throw new Error('ENOENT');
    return KEY;
  },
  findKeyFault: () => undefined,
};

describe('any file', () => {
  test(
    'is an inventory whose every host can be named and logged in to, or problems with their lines',
    () => {
      let inventories = 0;
      fc.assert(
        fc.property(textOf(anyHostLine), (text) => {
          const inventory = read(() => parseInventory(text, 'inventory.ini', world), 'inventory\\.ini');
          if (inventory === undefined) return;
          inventories += 1;
          expectWhole(inventory);
        }),
        cases(3_000),
      );
      expect(inventories).toBeGreaterThan(20);
    },
    FUZZ_MS,
  );

  test(
    'is rules that say who, where, what and on which hosts of the fleet, or problems with their lines',
    () => {
      const anyRuleLine = fc
        .tuple(
          fc.constantFrom(
            'users',
            'channels',
            'hosts',
            'actions',
            'commands',
            'paths',
            'guests',
            'shared',
            'user',
          ),
          fc.constantFrom(' = ', '=', ' : '),
          fc.oneof(
            {
              weight: 8,
              arbitrary: fc.constantFrom(
                'U1',
                'U1, S2',
                '*',
                'C1',
                'all',
                '@web, !fe01',
                'fe01',
                'run',
                'run, put',
                'cancel',
                'df **',
                '/tmp/**',
                'yes',
                'no',
                'a,,b',
                'U1 # c',
              ),
            },
            { weight: 1, arbitrary: anyChars },
          ),
        )
        .map((parts) => parts.join(''));
      const right = fc.constant(
        'users = U1\nchannels = *\nhosts = all\nactions = run\ncommands = *\npaths = *',
      );
      const lines = fc.oneof(right, anyRuleLine);
      let rules = 0;
      fc.assert(
        fc.property(textOf(lines, 2), (text) => {
          const allowlist = read(() => parseAllowlist(text, 'allowlist.ini', FLEET), 'allowlist\\.ini');
          for (const rule of allowlist?.rules ?? []) {
            rules += 1;
            expect(rule.users.size + rule.groups.size).toBeGreaterThan(0);
            expect(rule.users.has('*')).toBe(false);
            expect(rule.hosts.size).toBeGreaterThan(0);
            for (const host of rule.hosts) expect(FLEET.hosts.has(host)).toBe(true);
            for (const action of rule.actions) expect(RULE_ACTIONS).toContain(action);
            expect(rule.channels === '*' || rule.channels.size > 0).toBe(true);
          }
        }),
        cases(3_000),
      );
      expect(rules).toBeGreaterThan(20);
    },
    FUZZ_MS,
  );
});

function expectWhole(inventory: Inventory): void {
  for (const [key, host] of inventory.hosts) {
    expect(key).toBe(host.name.toLowerCase());
    expect(host.ip).not.toBe('');
    expect(host.port).toBeGreaterThanOrEqual(1);
    expect(host.port).toBeLessThanOrEqual(65_535);
    expect(host.user).not.toBe('');
    expect(JSON.stringify(host)).not.toContain(PASSWORD);
    for (const jump of host.jump ?? []) expect(inventory.hosts.has(jump.toLowerCase())).toBe(true);
  }
  for (const group of inventory.groups.values())
    for (const host of group.hosts) expect(inventory.hosts.get(host.name.toLowerCase())).toBe(host);
  try {
    expect(resolveTerms(inventory, ['all'])).toHaveLength(inventory.hosts.size);
  } catch (error) {
    if (!(error instanceof Refusal) || inventory.hosts.size > 0) throw error;
  }
}
