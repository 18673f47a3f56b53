import fc from 'fast-check';
import type { Inventory } from '../../src/inventory/inventory.ts';
import { parseInventory } from '../../src/inventory/parse-inventory.ts';
import { type Allowlist, parseAllowlist } from '../../src/policy/allowlist.ts';

/** A small fleet, and rules over it. */

export const SECRET = 'hunter2hunter2';
export const HOSTS = ['fe01', 'fe02', 'fe03', 'be01', 'be02', 'gate'] as const;
export type HostName = (typeof HOSTS)[number];

export const FLEET: Inventory = parseInventory(
  [
    `[DEFAULT]\nuser = ops\npassword = ${SECRET}`,
    ...HOSTS.map((name, i) => `[${name}]\nip = 10.0.0.${i + 1}`),
    '[web]\nfe01 = True\nfe02 = True\nfe03 = True',
    '[db]\nbe01 = True\nbe02 = True',
  ].join('\n'),
  'inventory.ini',
  { env: () => undefined, readFile: () => '', findKeyFault: () => undefined },
);

/** The words of the file, and the hosts that they are for. */
export const EXPRESSIONS: Readonly<Record<string, readonly HostName[]>> = {
  all: HOSTS,
  '@web': ['fe01', 'fe02', 'fe03'],
  'all, !gate': ['fe01', 'fe02', 'fe03', 'be01', 'be02'],
  '@db, !be01': ['be02'],
  'fe[01-02], gate': ['fe01', 'fe02', 'gate'],
  'fe*': ['fe01', 'fe02', 'fe03'],
};

export interface RuleWords {
  readonly users: readonly string[];
  readonly channels: readonly string[];
  readonly hosts: string;
  readonly actions: readonly string[];
  readonly commands: readonly string[];
  readonly paths: readonly string[];
  readonly guests: boolean;
  readonly shared: boolean;
}

const some = (...of: readonly string[]) => fc.subarray([...of], { minLength: 1 });

export const anyRule: fc.Arbitrary<RuleWords> = fc.record({
  users: some('U1', 'U2', 'S1'),
  channels: fc.oneof(fc.constant(['*']), some('C1', 'C2')),
  hosts: fc.constantFrom(...Object.keys(EXPRESSIONS)),
  actions: some('run', 'put', 'get', 'cancel', 'audit', 'sudo'),
  commands: fc.oneof(
    fc.constant(['*']),
    some('uptime', 'df **', 'systemctl status *', 'ls -* /srv/*', 'cat /var/log/*'),
  ),
  paths: fc.oneof(fc.constant(['*']), some('/tmp/**', '/etc/motd', '/var/*/x', '/srv/**/y')),
  guests: fc.boolean(),
  shared: fc.boolean(),
});

export function writeRules(rules: readonly RuleWords[]): Allowlist {
  const sections = rules.map(({ users, channels, hosts, actions, commands, paths, guests, shared }, i) =>
    [
      `[r${i}]`,
      `users = ${users.join(', ')}`,
      `channels = ${channels.join(', ')}`,
      `hosts = ${hosts}`,
      `actions = ${actions.join(', ')}`,
      `commands = ${commands.join(', ')}`,
      `paths = ${paths.join(', ')}`,
      `guests = ${guests ? 'yes' : 'no'}`,
      `shared = ${shared ? 'yes' : 'no'}`,
    ].join('\n'),
  );
  return parseAllowlist(sections.join('\n'), 'allowlist.ini', FLEET);
}
