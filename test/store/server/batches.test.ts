import { expect, test, vi } from 'vitest';
import { openRig, openRun } from '../rig.ts';
import { runBatch, SOON, standOf, startAll } from '../rollout/rig.ts';
import { openAnother } from './another.ts';

const HOUR = 3_600_000;

test('the time between two batches is not shorter where another machine’s clock is ahead', async () => {
  const machine = (boot: string, aheadMs: number) => ({
    beat: vi.fn(() => ({ boot, uptimeMs: Math.round(performance.now()), at: Date.now() + aheadMs })),
  });
  await using rig = await openRig(machine('one', 0));
  const rollout = { serial: [{ count: 1 }], waitMs: HOUR } as const;
  const run = await openRun(rig.store, { hosts: 2, rollout });
  expect(await runBatch(rig.store)).toEqual(['web01']);
  const second = machine('two', 2 * HOUR);
  await using other = await openAnother(rig, second);
  await vi.waitFor(() => expect(second.beat).toHaveBeenCalled(), SOON);
  // Who writes waits for who looks: the look is over then.
  await other.ping();
  expect(await standOf(rig.store, run.id)).toMatchObject({ phase: 'waiting', batch: 1 });
  expect(await startAll(other)).toEqual([]);
}, 60_000);
