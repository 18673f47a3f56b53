import { expect, test, vi } from 'vitest';
import { formatCanary } from '../../../src/thread/canary.ts';
import { formatRoot } from '../../../src/thread/root.ts';
import { parseKey } from '../../../src/thread/row.ts';
import { ANN, approvedPlan, BOB, claimAll, okOutcome, openRig, openRun, type StoreRig } from '../rig.ts';
import { end, FAILED, hostsOf, machine, runBatch, SOON, standOf, startAll } from './rig.ts';

async function actionsOf(rig: StoreRig): Promise<string[]> {
  const actions: string[] = [];
  for await (const { action } of rig.store.audit.entries()) actions.push(action);
  expect((await rig.store.audit.verify()).faults).toEqual([]);
  return actions.filter((action) => ['held', 'resumed', 'stopped', 'cancelled', 'settled'].includes(action));
}

test('a canary stops for a person, over any number of starts, and goes on once', async () => {
  await using rig = await openRig();
  const rollout = { canary: 2, serial: [{ count: 1 }, { count: 5 }] } as const;
  const run = await openRun(rig.store, { hosts: 5, rollout });
  const [one, other] = await startAll(rig.store);
  if (one === undefined || other === undefined) throw new Error('no canary');
  await end(rig.store, [one], FAILED);
  expect((await standOf(rig.store, run.id)).held).toBeUndefined();
  await end(rig.store, [other]);
  const paused = { phase: 'paused', batch: 1, later: 3, held: 'the canary has ended: 1 ok, 1 failed' };
  expect(await standOf(rig.store, run.id)).toMatchObject(paused);
  for (const _ of [1, 2]) {
    await rig.reopen();
    expect(await startAll(rig.store)).toEqual([]);
    expect(await standOf(rig.store, run.id)).toMatchObject(paused);
  }
  const answers = await Promise.all([ANN, ANN, ANN].map((by) => rig.store.continueRun(run.id, by)));
  expect(answers.filter((waiting) => waiting === 3)).toHaveLength(1);
  expect(answers.filter((waiting) => waiting === undefined)).toHaveLength(2);
  expect(await runBatch(rig.store)).toEqual(['web03']);
  expect(await runBatch(rig.store)).toEqual(['web04', 'web05']);
  expect(await standOf(rig.store, run.id)).toMatchObject({ state: 'finished', batch: 3 });
  expect(await actionsOf(rig)).toEqual(['held', 'resumed', 'settled']);
});

test('a canary that was cancelled before its run began stops for a person all the same', async () => {
  await using rig = await openRig();
  const { run } = await rig.store.createRun(approvedPlan({ hosts: 3, rollout: { canary: 1 } }), 'early');
  await rig.store.cancelHosts(run.id, ['web01'], ANN);
  await rig.store.releaseRun(run.id, '1700000000.000100');
  expect(await startAll(rig.store)).toEqual([]);
  expect(await standOf(rig.store, run.id)).toMatchObject({ phase: 'paused' });
  expect(await rig.store.continueRun(run.id, ANN)).toBe(2);
  expect(await runBatch(rig.store)).toEqual(['web02', 'web03']);
});

test('a batch that was cancelled before its run began keeps the next one from nothing', async () => {
  await using rig = await openRig();
  const { run } = await rig.store.createRun(
    approvedPlan({ hosts: 3, rollout: { serial: [{ count: 1 }] } }),
    'early',
  );
  await rig.store.cancelHosts(run.id, ['web01'], ANN);
  await rig.store.releaseRun(run.id, '1700000000.000100');
  expect(await runBatch(rig.store)).toEqual(['web02']);
});

test('stopped behind its canary, a run is over, and its hosts say why', async () => {
  await using rig = await openRig();
  const run = await openRun(rig.store, { hosts: 3, rollout: { canary: 1 } });
  await runBatch(rig.store);
  expect(await rig.store.cancelRun(run.id, BOB)).toMatchObject({ skipped: 2, running: [] });
  expect(await rig.store.continueRun(run.id, ANN)).toBeUndefined();
  const [, second] = await rig.store.listJobs(run.id);
  expect(second?.outcome).toMatchObject({ kind: 'skipped', reason: 'the run was stopped after its canary' });
  expect((await rig.store.findRun(run.id))?.cancelledBy).toEqual(BOB);
  expect(await actionsOf(rig)).toEqual(['held', 'cancelled', 'settled']);
});

test('a canary of all hosts stops for nobody; one with too many failures is not asked about', async () => {
  await using rig = await openRig();
  const all = await openRun(rig.store, { hosts: 2, rollout: { canary: 5 } });
  await runBatch(rig.store);
  expect(await standOf(rig.store, all.id)).toMatchObject({ state: 'finished', phase: 'running' });
  const bad = await openRun(rig.store, { hosts: 3, rollout: { canary: 1, maxFail: { count: 0 } } });
  await runBatch(rig.store, FAILED);
  expect(await standOf(rig.store, bad.id)).toMatchObject({ state: 'finished', phase: 'stopped' });
});

test('the absence of the bot is asked about once with its canary, and by itself in any later batch', async () => {
  await using rig = await openRig();
  const rollout = { canary: 1, serial: [{ count: 1 }], waitMs: 1 } as const;
  const run = await openRun(rig.store, { hosts: 4, rollout });
  const canary = await startAll(rig.store);
  await rig.store.holdRuns('the bot stood still for 25 min');
  await end(rig.store, canary);
  expect(await standOf(rig.store, run.id)).toMatchObject({
    held: 'the canary has ended: 1 ok; besides, the bot stood still for 25 min',
  });
  // A canary that waits for a person need not be held for one besides.
  expect(await rig.store.holdRuns('the bot was away for 25 min')).toBe(0);
  expect(await rig.store.resumeRun(run.id, ANN)).toBeUndefined();
  expect(await rig.store.continueRun(run.id, ANN)).toBe(3);

  const second = await startAll(rig.store);
  expect(hostsOf(second)).toEqual(['web02']);
  await rig.store.holdRuns('the bot was away for 25 min');
  await end(rig.store, second);
  // The time between the batches is over meanwhile; nothing starts before somebody says so.
  await vi.waitFor(
    async () => expect(await standOf(rig.store, run.id)).toMatchObject({ phase: 'running', batch: 3 }),
    SOON,
  );
  expect(await startAll(rig.store)).toEqual([]);
  await rig.reopen();
  expect(await startAll(rig.store)).toEqual([]);
  expect(await rig.store.continueRun(run.id, ANN)).toBeUndefined();
  expect(await rig.store.resumeRun(run.id, ANN)).toBe(2);
  expect(await runBatch(rig.store, okOutcome())).toEqual(['web03']);
  await vi.waitFor(async () => expect(await runBatch(rig.store)).toEqual(['web04']), SOON);
});

const DAY = 24 * 3_600_000;

test('a canary that nobody answers within 24 h is given up, also where most of it passed while the bot was away', async () => {
  const { beat, pass, clock, reads } = machine();
  await using rig = await openRig({ beat });
  const run = await openRun(rig.store, { hosts: 3, rollout: { canary: 1 } });
  await runBatch(rig.store);
  const paused = await standOf(rig.store, run.id);
  expect(paused).toMatchObject({ phase: 'paused', answerBy: expect.any(Number) });
  // Somebody sets the wall clock: that is no day.
  clock.at += 2 * DAY;
  pass(DAY - 1);
  const before = reads();
  await rig.reopen();
  await vi.waitFor(() => expect(reads()).toBeGreaterThan(before), SOON);
  expect(await standOf(rig.store, run.id)).toMatchObject({ state: 'open', phase: 'paused' });
  pass(1);
  await rig.reopen();
  await vi.waitFor(
    async () =>
      expect(await standOf(rig.store, run.id)).toMatchObject({ state: 'finished', phase: 'stopped' }),
    SOON,
  );
  expect(await rig.store.continueRun(run.id, ANN)).toBeUndefined();
  expect(await startAll(rig.store)).toEqual([]);
  const jobs = await rig.store.listJobs(run.id);
  expect(jobs.map(({ outcome }) => outcome?.kind)).toEqual(['ok', 'skipped', 'skipped']);
  expect(jobs[1]?.outcome?.reason).toBe('the canary was not answered within 24 h');
  expect(await actionsOf(rig)).toEqual(['held', 'stopped', 'settled']);
  const found = await rig.store.findRun(run.id);
  if (found === undefined) throw new Error('no run');
  expect(JSON.stringify(formatRoot(found, { now: 0 }))).toContain(
    '*Stopped as the canary was not answered within 24 h.*',
  );
  expect(formatCanary(found)?.text).toContain('did not answer within 24 h');
  const shown = (await claimAll(rig.store)).map(({ key }) => parseKey(key)?.kind);
  expect(shown).toEqual(expect.arrayContaining(['root', 'canary']));
});

test('a canary that was paused before there was an end to it is waited for a day from then on', async () => {
  const { beat, pass } = machine();
  await using rig = await openRig({ beat });
  const run = await openRun(rig.store, { hosts: 2, rollout: { canary: 1 } });
  await runBatch(rig.store);
  await rig.query('update rollout set since = null, since_boot = null, since_uptime_ms = null');
  pass(2 * DAY);
  await rig.reopen();
  await vi.waitFor(
    async () => expect(await standOf(rig.store, run.id)).toMatchObject({ answerBy: expect.any(Number) }),
    SOON,
  );
  expect(await rig.store.continueRun(run.id, ANN)).toBe(1);
  expect(await runBatch(rig.store)).toEqual(['web02']);
  expect(await standOf(rig.store, run.id)).toMatchObject({ state: 'finished', phase: 'running' });
});

test('a run that is kept no longer takes its rollout with it', async () => {
  await using rig = await openRig();
  await openRun(rig.store, { hosts: 1, rollout: { canary: 1 } });
  await runBatch(rig.store);
  await rig.query('update outbox set due_at = null');
  await rig.query('update run set finished_at = 1');
  const keep = { outputMs: 0, runMs: 0, maxBytes: Number.POSITIVE_INFINITY };
  while (await rig.store.expiry.step(keep)) {}
  expect(await rig.query('select run_id from rollout')).toEqual([]);
});
