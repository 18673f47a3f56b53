import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Amount, Rollout } from '../../../src/command/rollout/parse.ts';
import { batchesOf, batchSizes, failuresAllowed } from '../../../src/run/rollout/batches.ts';
import { approvedPlan, hostNames } from '../../store/rig.ts';

const anyAmount: fc.Arbitrary<Amount> = fc.oneof(
  fc.record({ count: fc.integer({ min: 1, max: 40 }) }),
  fc.record({ percent: fc.integer({ min: 1, max: 100 }) }),
);
const anyRollout: fc.Arbitrary<Rollout> = fc.record(
  {
    serial: fc.tuple(anyAmount, anyAmount, anyAmount),
    canary: fc.integer({ min: 1, max: 40 }),
  },
  { requiredKeys: [] },
);
const sizes = (hosts: number, rollout: Rollout) => [...batchSizes(hosts, rollout)];

describe('the batches of a rollout', () => {
  test('are those of the examples in the README', () => {
    const serial = [{ count: 1 }, { count: 5 }, { percent: 20 }] as const;
    expect(sizes(20, { serial })).toEqual([1, 5, 4, 4, 4, 2]);
    expect(sizes(20, { serial, canary: 2 })).toEqual([2, 1, 5, 4, 4, 4]);
    expect(sizes(20, { canary: 2 })).toEqual([2, 18]);
    expect(sizes(20, {})).toEqual([20]);
  });

  test('take percentages of all hosts, rounded down, and never none', () => {
    expect(sizes(9, { serial: [{ percent: 25 }] })).toEqual([2, 2, 2, 2, 1]);
    expect(sizes(3, { serial: [{ percent: 1 }] })).toEqual([1, 1, 1]);
    expect(sizes(3, { serial: [{ percent: 100 }] })).toEqual([3]);
  });

  test('are no more than there are hosts for: a canary of more is all of them', () => {
    expect(sizes(3, { canary: 5 })).toEqual([3]);
    expect(sizes(3, { serial: [{ count: 50 }] })).toEqual([3]);
    expect(sizes(0, { canary: 1, serial: [{ count: 1 }] })).toEqual([]);
  });

  test('have each host in exactly one, in order, whatever is asked for and disabled', () => {
    fc.assert(
      fc.property(
        anyRollout,
        fc.array(fc.boolean(), { minLength: 1, maxLength: 60 }),
        (rollout, disabled) => {
          const hosts = hostNames(disabled.length);
          const skip = Object.fromEntries(
            hosts.filter((_, n) => disabled[n] === true).map((host) => [host, 'disabled']),
          );
          const plan = approvedPlan({ hosts, skip, rollout });
          const batches = batchesOf(plan);
          const inBatches = batches.map(({ from, before }) =>
            plan.targets.slice(from, before).filter((target) => target.skip === undefined),
          );
          expect(inBatches.flat()).toEqual(plan.targets.filter((target) => target.skip === undefined));
          expect(inBatches.map((targets) => targets.length)).toEqual(batches.map((batch) => batch.hosts));
          expect(inBatches.every((targets) => targets.length > 0)).toBe(true);
          expect(batches.filter(({ isCanary }) => isCanary).length).toBe(
            rollout.canary === undefined || batches.length === 0 ? 0 : 1,
          );
        },
      ),
    );
  });

  test('of equal sizes differ in the last one only', () => {
    fc.assert(
      fc.property(anyAmount, fc.integer({ min: 1, max: 500 }), (size, hosts) => {
        const [first = 0, ...rest] = sizes(hosts, { serial: [size] });
        const last = rest.pop() ?? first;
        expect(rest.every((one) => one === first)).toBe(true);
        expect(last).toBeLessThanOrEqual(first);
      }),
    );
  });
});

describe('how many may fail', () => {
  const allowed = (maxFail: Amount, hosts: number, skip = {}) =>
    failuresAllowed(approvedPlan({ hosts, skip, rollout: { maxFail } }));

  test('is a number of hosts, or as many whole ones as the percentage of all that it goes to has', () => {
    expect(allowed({ count: 0 }, 20)).toBe(0);
    expect(allowed({ count: 3 }, 20)).toBe(3);
    expect(allowed({ percent: 10 }, 25)).toBe(2);
    expect(allowed({ percent: 0 }, 25)).toBe(0);
    expect(allowed({ percent: 100 }, 25)).toBe(25);
    expect(
      allowed({ percent: 10 }, 25, {
        web01: 'disabled',
        web02: 'disabled',
        web03: 'disabled',
        web04: '',
        web05: '',
        web06: '',
      }),
    ).toBe(1);
    expect(failuresAllowed(approvedPlan({ hosts: 3 }))).toBeUndefined();
  });
});
