import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ORDERS } from '../../../src/command/rollout/parse.ts';
import type { Host } from '../../../src/inventory/inventory.ts';
import { chooseHosts } from '../../../src/run/rollout/choose.ts';
import { putInOrder } from '../../../src/run/rollout/order.ts';

const named = (...names: string[]) => names.map((name) => ({ name }));
const namesOf = (items: readonly { readonly name: string }[]) => items.map(({ name }) => name);

describe('the order of a run', () => {
  test('is the inventory’s, by name with numbers as numbers, backwards, or by chance', () => {
    const hosts = named('web10', 'db1', 'web2');
    expect(namesOf(putInOrder(hosts, 'inventory', 1))).toEqual(['web10', 'db1', 'web2']);
    expect(namesOf(putInOrder(hosts, 'sorted', 1))).toEqual(['db1', 'web2', 'web10']);
    expect(namesOf(putInOrder(hosts, 'reverse', 1))).toEqual(['web2', 'db1', 'web10']);
  });

  test('loses and doubles no host, and the same seed gives the same chance', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string()), fc.constantFrom(...ORDERS), fc.nat(), (names, order, seed) => {
        const put = namesOf(putInOrder(named(...names), order, seed));
        expect(put.toSorted()).toEqual(names.toSorted());
        expect(namesOf(putInOrder(named(...names), order, seed))).toEqual(put);
      }),
    );
  });

  test('by chance has each host first about as often as any other', () => {
    const counts = new Map<string, number>();
    for (let seed = 0; seed < 6_000; seed++) {
      const [first] = putInOrder(named('a', 'b', 'c'), 'random', seed * 7_919);
      counts.set(first?.name ?? '', (counts.get(first?.name ?? '') ?? 0) + 1);
    }
    for (const name of ['a', 'b', 'c']) expect(Math.abs((counts.get(name) ?? 0) - 2_000)).toBeLessThan(200);
  });
});

describe('-pick', () => {
  const host = (name: string, enabled = true) => ({ name, enabled }) as Host;
  const pick = (hosts: readonly [Host, ...Host[]], wish: Parameters<typeof chooseHosts>[1]) => {
    const { hosts: chosen, picked } = chooseHosts(hosts, wish, 7);
    return { names: namesOf(chosen), picked };
  };

  test('takes the first of the order that are not disabled, and says of how many', () => {
    const hosts = [host('a', false), host('b'), host('c'), host('d')] as const;
    expect(pick(hosts, { pick: 2 })).toEqual({ names: ['b', 'c'], picked: { of: 4, disabled: 1 } });
    expect(pick(hosts, { pick: 2, order: 'reverse' })).toMatchObject({ names: ['d', 'c'] });
    expect(pick(hosts, { pick: 9 })).toMatchObject({ names: ['b', 'c', 'd'] });
    expect(pick(hosts, {})).toEqual({ names: ['a', 'b', 'c', 'd'], picked: undefined });
  });

  test('of hosts that are all disabled takes some of them, which are reported as skipped', () => {
    expect(pick([host('a', false), host('b', false)], { pick: 1 }).names).toEqual(['a']);
  });
});
