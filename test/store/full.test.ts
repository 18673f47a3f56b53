import { expect, test } from 'vitest';
import { Refusal } from '../../src/errors.ts';
import { approvedPlan, drain, openRig, openRun } from './rig.ts';

test('a full database takes no new run and all results of those it has; a request it knows finds its run', async () => {
  let isFull = false;
  const asked: number[] = [];
  await using rig = await openRig({
    async findShortage(usedBytes) {
      asked.push(usedBytes);
      return isFull ? 'the database is full' : undefined;
    },
  });
  const run = await openRun(rig.store, { hosts: 3 });
  const { run: first } = await rig.store.createRun(approvedPlan(), 'again');
  isFull = true;
  const refused = await rig.store.createRun(approvedPlan(), 'new').catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(Refusal);
  expect(refused).toMatchObject({
    code: 'not-now',
    message: 'Nothing was run: the database is full.',
    remedy: expect.stringContaining('administrator'),
  });
  expect(await rig.store.createRun(approvedPlan(), 'again')).toMatchObject({
    isNew: false,
    run: { id: first.id },
  });
  await drain(rig.store);
  expect(await rig.store.findRun(run.id)).toMatchObject({
    state: 'finished',
    progress: { settled: { ok: 3 } },
  });
  expect(asked[0]).toBeGreaterThan(4_096);
});
