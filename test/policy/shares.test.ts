import { expect, test } from 'vitest';
import { foreseeWait, UNBOUNDED } from '../../src/policy/shares.ts';
import { approvedPlan } from '../store/rig.ts';

const shares = { ...UNBOUNDED, slots: 10 };
const nothing = { runs: 0, waiting: 0, running: 0 };

test('what would have to wait for a person’s share is foreseen, of a rollout by its largest batch', () => {
  const all = approvedPlan({ hosts: 40 });
  expect(foreseeWait(shares, nothing, all)).toMatch(/at most 10 of these would start now, the others wait/);
  const batches = (count: number) =>
    foreseeWait(shares, nothing, approvedPlan({ hosts: 40, rollout: { serial: [{ count: 1 }, { count }] } }));
  expect(batches(10)).toBeUndefined();
  expect(batches(11)).toMatch(/at most 10 of these/);
});
