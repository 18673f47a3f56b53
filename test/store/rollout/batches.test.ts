import { describe, expect, test, vi } from 'vitest';
import { bareOutcome, OUTCOME_KINDS } from '../../../src/run/outcome.ts';
import { fileTest } from '../file-test.ts';
import { ANN, openRig, openRun } from '../rig.ts';
import { end, FAILED, hostsOf, machine, runBatch, SOON, standOf, startAll } from './rig.ts';

const SERIAL = [{ count: 1 }, { count: 2 }] as const;

describe('a rollout in batches', () => {
  test('starts no host of a batch before the last one of the batch before has ended', async () => {
    await using rig = await openRig();
    const run = await openRun(rig.store, { hosts: 5, rollout: { serial: SERIAL } });
    expect(await runBatch(rig.store)).toEqual(['web01']);
    const [second, third] = await startAll(rig.store);
    if (second === undefined || third === undefined) throw new Error('no batch');
    expect(await standOf(rig.store, run.id)).toMatchObject({ phase: 'running', batch: 2, later: 2 });
    await end(rig.store, [second]);
    expect(await startAll(rig.store)).toEqual([]);
    await end(rig.store, [third], FAILED);
    expect(await runBatch(rig.store)).toEqual(['web04', 'web05']);
    expect(await standOf(rig.store, run.id)).toMatchObject({ state: 'finished', batch: 3, failures: 1 });
  });

  test('passes over a batch of which nothing waits any more', async () => {
    await using rig = await openRig();
    const run = await openRun(rig.store, { hosts: 4, rollout: { serial: [{ count: 1 }] } });
    await rig.store.cancelHosts(run.id, ['web02'], ANN);
    const [first] = await startAll(rig.store);
    if (first === undefined) throw new Error('no batch');
    await end(rig.store, [first]);
    expect(await standOf(rig.store, run.id)).toMatchObject({ batch: 3 });
    // The last one of a batch is cancelled before its turn: that ends it too.
    await rig.store.cancelHosts(run.id, ['web03'], ANN);
    expect(await runBatch(rig.store)).toEqual(['web04']);
    expect((await rig.store.findRun(run.id))?.state).toBe('finished');
  });

  test('keeps nobody off hosts that it may not start on yet, not even its own person', async () => {
    await using rig = await openRig();
    await openRun(rig.store, { hosts: 2, rollout: { canary: 1 } });
    expect(await runBatch(rig.store)).toEqual(['web01']);
    await openRun(rig.store, { hosts: 2 });
    expect(hostsOf(await startAll(rig.store)).toSorted()).toEqual(['web01', 'web02']);
  });

  test('is over when it is cancelled, also while it waits', async () => {
    await using rig = await openRig();
    const rollout = { serial: [{ count: 1 }], waitMs: 3_600_000 } as const;
    const run = await openRun(rig.store, { hosts: 3, rollout });
    await runBatch(rig.store);
    expect(await standOf(rig.store, run.id)).toMatchObject({ phase: 'waiting', batch: 1 });
    expect(await rig.store.cancelRun(run.id, ANN)).toMatchObject({ skipped: 2 });
    expect((await rig.store.findRun(run.id))?.state).toBe('finished');
    await rig.reopen();
    expect(await startAll(rig.store)).toEqual([]);
  });
});

describe('-wait', () => {
  const HOUR = 3_600_000;
  const rollout = { serial: [{ count: 1 }], waitMs: HOUR } as const;

  test('is waited between the end of a batch and the start of the next, by the clock that nobody sets', async () => {
    const { beat, pass, clock, reads } = machine();
    await using rig = await openRig({ beat });
    const run = await openRun(rig.store, { hosts: 2, rollout });
    expect(await runBatch(rig.store)).toEqual(['web01']);
    // Somebody sets the wall clock: that is no hour.
    clock.at += 2 * HOUR;
    pass(HOUR - 1);
    const before = reads();
    await rig.reopen();
    await vi.waitFor(() => expect(reads()).toBeGreaterThan(before), SOON);
    expect(await standOf(rig.store, run.id)).toMatchObject({ phase: 'waiting', batch: 1 });
    expect(await startAll(rig.store)).toEqual([]);
    pass(1);
    await rig.reopen();
    await vi.waitFor(async () => expect(await runBatch(rig.store)).toEqual(['web02']), SOON);
  });

  // From one machine to another a server's own clock is asked.
  fileTest(
    'goes on counting while the machine is started again, and begins anew where no clock tells',
    async () => {
      const { beat, pass, clock } = machine();
      await using rig = await openRig({ beat });
      const run = await openRun(rig.store, { hosts: 3, rollout });
      await runBatch(rig.store);
      clock.boot = 'two';
      clock.uptimeMs = 0;
      pass(HOUR);
      await rig.reopen();
      await vi.waitFor(async () => expect(await runBatch(rig.store)).toEqual(['web02']), SOON);

      clock.boot = 'three';
      clock.at -= 10 * HOUR;
      await rig.reopen();
      const since = async () =>
        Number((await rig.query(`select since from rollout where run_id = '${run.id}'`))[0]?.since);
      await vi.waitFor(async () => expect(await since()).toBe(clock.at), SOON);
      expect(await startAll(rig.store)).toEqual([]);
      pass(HOUR);
      await rig.reopen();
      await vi.waitFor(async () => expect(await runBatch(rig.store)).toEqual(['web03']), SOON);
    },
  );

  test('is not waited behind the last batch, nor where it is over at once', async () => {
    await using rig = await openRig();
    const run = await openRun(rig.store, { hosts: 2, rollout: { ...rollout, waitMs: 1 } });
    await runBatch(rig.store);
    await vi.waitFor(async () => expect(await runBatch(rig.store)).toEqual(['web02']), SOON);
    expect((await rig.store.findRun(run.id))?.state).toBe('finished');
  });
});

describe('-maxfail', () => {
  test('lets so many fail, over all batches; with one more nothing starts, and what runs goes on', async () => {
    await using rig = await openRig();
    const run = await openRun(rig.store, {
      hosts: 6,
      rollout: { serial: [{ count: 2 }], maxFail: { count: 1 } },
    });
    for (const _ of [1, 2]) {
      const [one, other] = await startAll(rig.store);
      if (one === undefined || other === undefined) throw new Error('no batch');
      await end(rig.store, [other]);
      await end(rig.store, [one], FAILED);
    }
    const stopped = await standOf(rig.store, run.id);
    expect(stopped).toMatchObject({ state: 'finished', phase: 'stopped', failures: 2 });
    const jobs = await rig.store.listJobs(run.id);
    expect(jobs.map(({ outcome }) => outcome?.kind)).toEqual([
      'failed',
      'ok',
      'failed',
      'ok',
      'skipped',
      'skipped',
    ]);
    expect(jobs[4]?.outcome?.reason).toBe(
      'too many failures: 2 of 6 hosts did not end ok; at most 1 may (-maxfail 1)',
    );
  });

  test('counts every host that was begun on and did not end ok, and none that was not begun on', async () => {
    for (const kind of OUTCOME_KINDS) {
      await using rig = await openRig();
      const run = await openRun(rig.store, { hosts: 2, fanOut: 1, rollout: { maxFail: { count: 0 } } });
      await end(rig.store, await startAll(rig.store), bareOutcome(kind, ''));
      expect([kind, (await standOf(rig.store, run.id)).phase]).toEqual([
        kind,
        kind === 'ok' ? 'running' : 'stopped',
      ]);
    }
    await using rig = await openRig();
    const run = await openRun(rig.store, {
      hosts: 4,
      fanOut: 1,
      skip: { web01: 'disabled in the inventory' },
      rollout: { maxFail: { count: 0 } },
    });
    await rig.store.cancelHosts(run.id, ['web02'], ANN);
    await rig.store.skipJobs(run.id, ['web03'], 'removed from the inventory since the run was approved');
    expect(await runBatch(rig.store)).toEqual(['web04']);
    expect(await standOf(rig.store, run.id)).toMatchObject({
      state: 'finished',
      phase: 'running',
      failures: 0,
    });
  });

  test('of all hosts stops nothing: a run may fail everywhere', async () => {
    await using rig = await openRig();
    const rollout = { serial: [{ count: 1 }], maxFail: { percent: 100 } } as const;
    const run = await openRun(rig.store, { hosts: 3, rollout });
    for (const host of ['web01', 'web02', 'web03']) expect(await runBatch(rig.store, FAILED)).toEqual([host]);
    expect((await standOf(rig.store, run.id)).phase).toBe('running');
  });

  test('stops nothing where nothing waits any more, and is in the audit where it does', async () => {
    await using rig = await openRig();
    const run = await openRun(rig.store, { hosts: 1, rollout: { maxFail: { count: 0 } } });
    await runBatch(rig.store, FAILED);
    expect((await standOf(rig.store, run.id)).phase).toBe('running');
    const other = await openRun(rig.store, { hosts: 2, fanOut: 1, rollout: { maxFail: { count: 0 } } });
    await runBatch(rig.store, FAILED);
    const stopped: unknown[] = [];
    for await (const { action, runId, detail } of rig.store.audit.entries()) {
      if (action === 'stopped') stopped.push({ runId, skipped: detail.skipped });
    }
    expect(stopped).toEqual([{ runId: other.id, skipped: 1 }]);
    expect((await rig.store.audit.verify()).faults).toEqual([]);
  });
});
