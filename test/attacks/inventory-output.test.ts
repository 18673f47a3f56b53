import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../src/errors.ts';
import type { Inventory } from '../../src/inventory/inventory.ts';
import { parseInventories } from '../../src/inventory/parse-inventory.ts';
import { worldOf } from '../inventory/inventories.ts';

const FILES = { '/srv/bot/.env': 'SLACK_BOT_TOKEN=xoxb-ours', '/etc/key': 'no key' };
const LOGIN = { ansible_user: 'u', ansible_password: 'hunter2hunter2' };

function readOutput(output: unknown): Inventory | readonly string[] {
  const text = typeof output === 'string' ? output : JSON.stringify(output);
  try {
    return parseInventories([{ kind: 'json', name: 'inv.py', text }], worldOf({ TOKEN: 'xoxb-ours' }, FILES));
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

const listOf = (hosts: Readonly<Record<string, unknown>>, groups: object = {}) => ({
  _meta: { hostvars: hosts },
  ...groups,
});

describe('what a program prints as an inventory, whoever writes it', () => {
  test.each(['file:/srv/bot/.env', 'env:TOKEN'])(
    'sends no file or variable of ours as a password: %s',
    (word) => {
      const read = readOutput(
        listOf({ evil: { ...LOGIN, ansible_password: word, ansible_become_pass: word } }),
      );
      expect(read).toHaveProperty('secrets');
      if (!('secrets' in read)) return;
      expect(read.secrets.map((secret) => secret.reveal())).toEqual([word]);
      expect(read.hosts.get('evil')).not.toHaveProperty('agent');
    },
  );

  test('tells nothing of a file that it names for a key, and nothing that it says is a password', () => {
    const read = readOutput(
      listOf({
        a: { ...LOGIN, ansible_ssh_private_key_file: '/srv/bot/.env' },
        b: { ...LOGIN, ansible_port: 'hunter2hunter2', ansible_user: 'hunter2hunter2 x' },
      }),
    );
    expect(read).toEqual([
      'inv.py: host "a": key: that file holds no private key',
      'inv.py: host "b": port: expected a number from 1 to 65535',
      'inv.py: host "b": user: expected a user name',
    ]);
  });

  test.each([
    ['__proto__', '{"_meta":{"hostvars":{"__proto__":{"ansible_user":"u","ansible_password":"p"}}}}'],
    ['constructor', JSON.stringify(listOf({ constructor: LOGIN }))],
    ['all', JSON.stringify(listOf({ all: LOGIN }))],
    ['a name of several hosts', JSON.stringify(listOf({ 'a,b': LOGIN }))],
    ['a path', JSON.stringify(listOf({ '../../etc': LOGIN }))],
    ['a mention', JSON.stringify(listOf({ '<!channel>': LOGIN }))],
  ])('calls no host by a word that means something else: %s', (_what, output) => {
    expect(Array.isArray(readOutput(output))).toBe(true);
    expect(Object.prototype).not.toHaveProperty('ansible_user');
  });

  test('puts no host into a group that does not name it, whatever a group of its name has', () => {
    const read = readOutput(
      listOf(
        { web1: LOGIN, db1: LOGIN },
        {
          web: { hosts: ['web1'] },
          all: { hosts: ['web1', 'db1'], children: ['web'] },
          ungrouped: { hosts: ['db1'] },
        },
      ),
    );
    if (!('groups' in read)) throw new Error(read.join());
    expect(
      Array.from(read.groups.values(), ({ name, hosts }) => [name, hosts.map((host) => host.name)]),
    ).toEqual([['web', ['web1']]]);
  });

  test('is read in a time that goes with its size: deep groups, wide ones, long values', () => {
    const deep = Object.fromEntries(
      Array.from({ length: 400 }, (_, i) => [`g${i}`, { children: i < 399 ? [`g${i + 1}`] : [], hosts: [] }]),
    );
    expect(readOutput(listOf({ a: LOGIN }, deep))).toHaveProperty('hosts');
    expect(readOutput(`${'['.repeat(100_000)}${']'.repeat(100_000)}`)).toEqual([
      'inv.py: its output: expected an object of groups',
    ]);
    expect(
      readOutput(listOf({ a: { ...LOGIN, ansible_ssh_common_args: `-J ${'a,'.repeat(100_000)}` } })),
    ).toHaveLength(1);
  });

  test('whatever it is, is an inventory or problems that hold no value of it', () => {
    const value = fc.oneof(fc.constant('hunter2hunter2 \n<!channel>'), fc.jsonValue({ maxDepth: 2 }));
    const names = fc.constantFrom(
      'ansible_host',
      'ansible_port',
      'ansible_user',
      'ansible_password',
      'ansible_ssh_args',
      'x',
    );
    const vars = fc.dictionary(names, value);
    const group = fc.record(
      { hosts: value, children: fc.array(fc.constantFrom('a', 'g', 'h')), vars },
      { requiredKeys: [] },
    );
    const output = fc.record({
      _meta: fc.record({ hostvars: fc.dictionary(fc.constantFrom('a', 'b', 'G', '-x'), vars) }),
      g: group,
      h: group,
    });
    fc.assert(
      fc.property(output, (printed) => {
        const read = readOutput(printed);
        if (Array.isArray(read)) expect(read.join('\n')).not.toContain('hunter2');
      }),
      { numRuns: 300 },
    );
  });
});
