import { describe, expect, test } from 'vitest';
import { parseInventory } from '../../src/inventory/parse-inventory.ts';
import { parseAllowlist } from '../../src/policy/allowlist.ts';
import { groupsNamed, holdingRules, type Standing } from '../../src/policy/standing.ts';

const inventory = parseInventory('[web1]\nip = 10.0.0.1\nuser = ops\npassword = x\n', 'inventory.ini', {
  env: () => undefined,
  readFile: () => '',
  findKeyFault: () => undefined,
});
const allowlist = parseAllowlist(
  [
    ['own', 'users = U0ANN'],
    ['group', 'users = S0OPS, U0BOB'],
    ['guests', 'users = U0ANN, U0GUEST\nguests = yes'],
    ['shared', 'users = U0ANN\nshared = yes'],
  ]
    .map(([name, keys]) => `[${name}]\n${keys}\nchannels = *\nhosts = all\nactions = run\ncommands = *\n`)
    .join('\n'),
  'allowlist.ini',
  inventory,
);

const MEMBER: Standing = { isGuest: false, isShared: false, groups: new Set(), unknownGroups: [] };
const rulesOf = (userId: string, more: Partial<Standing> = {}) =>
  holdingRules(allowlist, { teamId: 'T1', userId }, { ...MEMBER, ...more }).rules.map(({ name }) => name);

describe('the rules that hold for a person', () => {
  test('are those that name them, or a group that they are in', () => {
    expect(rulesOf('U0ANN')).toEqual(['own', 'guests', 'shared']);
    expect(rulesOf('U0BOB')).toEqual(['group']);
    expect(rulesOf('U0CYD')).toEqual([]);
    expect(rulesOf('U0CYD', { groups: new Set(['S0OPS']) })).toEqual(['group']);
    expect([...groupsNamed(allowlist)]).toEqual(['S0OPS']);
  });

  test('are for a guest only those that say so', () => {
    expect(rulesOf('U0ANN', { isGuest: true })).toEqual(['guests']);
    expect(rulesOf('U0GUEST', { isGuest: true })).toEqual(['guests']);
  });

  test('are in a channel shared with others only those that say so', () => {
    expect(rulesOf('U0ANN', { isShared: true })).toEqual(['shared']);
    expect(rulesOf('U0ANN', { isShared: true, isGuest: true })).toEqual([]);
  });

  test('name that person and nobody else', () => {
    const { rules } = holdingRules(allowlist, { teamId: 'T1', userId: 'U0ANN' }, MEMBER);
    expect(rules.every(({ users }) => users.size === 1 && users.has('U0ANN'))).toBe(true);
  });
});
