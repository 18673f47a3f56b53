import { describe, expect, test } from 'vitest';
import { canonicalPlan } from '../../src/run/plan.ts';
import { sha256 } from '../../src/store/audit/sha256.ts';
import { ANN, approvedPlan, BOB, claimAll, drain, okOutcome, openRig, openRun } from './rig.ts';

describe('a run in the store', () => {
  test('is put down whole: plan, hash, jobs and the entry "accepted"', async () => {
    await using rig = await openRig();
    const plan = approvedPlan({ hosts: ['web02', 'web01'] });
    const { run, isNew } = await rig.store.createRun(plan, 'request');
    expect(isNew).toBe(true);
    expect(run).toMatchObject({ state: 'opening', plan, planHash: sha256(canonicalPlan(plan)) });
    expect(run.progress).toEqual({ queued: 2, running: 0, settled: {} });
    expect((await rig.store.listJobs(run.id)).map(({ host, state }) => [host, state])).toEqual([
      ['web02', 'queued'],
      ['web01', 'queued'],
    ]);
    expect(await rig.store.audit.find(2)).toMatchObject({
      action: 'accepted',
      runId: run.id,
      teamId: 'T1',
      userId: 'UANN',
      channelId: 'COPS',
      detail: {
        planHash: run.planHash,
        action: 'run',
        command: 'df -h',
        count: 2,
        fanOut: 64,
        timeLimitMs: 60_000,
        typed: plan.typed,
        hosts: ['web02', 'web01'],
      },
    });
  });

  test('the same request twice is one run', async () => {
    await using rig = await openRig();
    const [first, second] = await Promise.all([
      rig.store.createRun(approvedPlan(), 'request'),
      rig.store.createRun(approvedPlan(), 'request'),
    ]);
    expect(second.run.id).toBe(first.run.id);
    // On a server either may be the first.
    expect([first.isNew, second.isNew].toSorted()).toEqual([false, true]);
    expect(await rig.store.listRuns(10)).toHaveLength(1);
  });

  test('is listed with the others of its person, and with everybody else’s, newest first', async () => {
    await using rig = await openRig();
    const ids: Record<string, string[]> = { ann: [], bob: [] };
    for (const who of ['ann', 'bob', 'ann', 'bob', 'ann'] as const) {
      const plan = approvedPlan({ requester: who === 'ann' ? ANN : BOB });
      ids[who]?.unshift((await rig.store.createRun(plan, crypto.randomUUID())).run.id);
    }
    const listed = async (...asked: Parameters<typeof rig.store.listRuns>): Promise<string[]> =>
      (await rig.store.listRuns(...asked)).map(({ id }) => id);
    expect(await listed(10, { by: ANN })).toEqual(ids.ann);
    expect(await listed(10, { notBy: ANN })).toEqual(ids.bob);
    expect(await listed(2, { by: ANN })).toEqual(ids.ann?.slice(0, 2));
    // The same id in another organisation is somebody else.
    expect(await listed(10, { by: { ...ANN, teamId: 'T2' } })).toEqual([]);
    expect(await listed(10, { notBy: { ...ANN, teamId: 'T2' } })).toHaveLength(5);
  });

  test('of a button is the newest of that very button, where the click is told to be the same', async () => {
    await using rig = await openRig();
    const begin = (key: string, id: number, isSame: boolean) =>
      rig.store.createRun(approvedPlan(), key, { id, isSame: () => isSame });
    const { run: first } = await begin('button', 1, false);
    const { run: second } = await begin('button', 20, false);
    const other = await begin('button two', 300, true);
    expect([first.id, second.id]).not.toContain(other.run.id);
    expect(await begin('button', 4_000, true)).toMatchObject({ run: { id: second.id }, isNew: false });
    expect(await begin('button', 1, false)).toMatchObject({ run: { id: first.id }, isNew: false });
    expect((await begin('button', 4_000, false)).isNew).toBe(true);
  });

  test('is found by its id in any case, and listed newest first', async () => {
    await using rig = await openRig();
    const first = await openRun(rig.store);
    const second = await openRun(rig.store);
    expect((await rig.store.findRun(first.id.toUpperCase()))?.id).toBe(first.id);
    expect(await rig.store.findRun('r-none')).toBeUndefined();
    expect((await rig.store.listRuns(10)).map(({ id }) => id)).toEqual([second.id, first.id]);
    expect((await rig.store.listRuns(1)).map(({ id }) => id)).toEqual([second.id]);
    expect((await rig.store.openRuns()).map(({ id }) => id)).toEqual([first.id, second.id]);
    expect((await rig.store.findJob(first.id, 'WEB01'))?.host).toBe('web01');
    expect(await rig.store.findJob(first.id, 'web99')).toBeUndefined();
  });

  test('keeps the command as typed and nothing else unmasked', async () => {
    await using rig = await openRig();
    const command = 'mysql -phunter2 -e "select 1"';
    const { run } = await rig.store.createRun(
      approvedPlan({ work: { action: 'run', command }, typed: `/batch_run -h a -cmd ${command}` }),
      'request',
    );
    await rig.store.recordRefusal({
      requester: ANN,
      channelId: 'COPS',
      typed: 'hunter2',
      code: 'usage',
      reason: 'no such word: hunter2',
    });
    expect(run.plan.work).toEqual({ action: 'run', command });
    expect(run.plan.typed).toBe('/batch_run -h a -cmd mysql -p[secret] -e "select 1"');
    // What was accepted is held to the words as they are stored for good.
    const [stored] = await rig.query('select plan_json from run');
    expect(run.planHash).toBe(sha256(String(stored?.plan_json)));
    expect(stored?.plan_json).not.toMatch('hunter2');
    expect(await rig.query("select seq from audit where detail_json like '%hunter2%'")).toEqual([]);
    expect((await rig.store.audit.verify()).faults).toEqual([]);
  });

  test('nothing starts before its root message stands', async () => {
    await using rig = await openRig();
    const { run } = await rig.store.createRun(approvedPlan(), 'request');
    expect(await rig.store.jobs.take(10)).toEqual([]);
    const [job] = await rig.store.listJobs(run.id);
    expect(await rig.store.jobs.start(job === undefined ? [] : [{ ...job }])).toEqual([]);
    await rig.store.releaseRun(run.id, '1.0');
    expect(await rig.store.jobs.take(10)).toHaveLength(3);
    expect(await rig.store.findRun(run.id)).toMatchObject({ state: 'open', rootTs: '1.0' });
  });

  test('targets known to be skipped are settled at once and told once there is a thread', async () => {
    await using rig = await openRig();
    const skip = { web02: 'disabled in the inventory' };
    const { run } = await rig.store.createRun(approvedPlan({ hosts: 3, skip }), 'request');
    expect(run.progress).toEqual({ queued: 2, running: 0, settled: { skipped: 1 } });
    expect((await claimAll(rig.store)).map(({ key }) => key)).toEqual(['audit:2']);
    await rig.store.releaseRun(run.id, '1.0');
    expect(
      (await claimAll(rig.store, { lane: 'posts' })).map(({ key, threadTs }) => [key, threadTs]),
    ).toEqual([[`reply:${run.id}:web02`, '1.0']]);
    expect((await rig.store.findJob(run.id, 'web02'))?.outcome).toMatchObject({
      kind: 'skipped',
      reason: 'disabled in the inventory',
    });
  });

  test('a run of skipped targets only is finished as it is released', async () => {
    await using rig = await openRig();
    const skip = { web01: 'disabled', web02: 'disabled' };
    const { run } = await rig.store.createRun(approvedPlan({ hosts: 2, skip }), 'request');
    expect(run.state).toBe('opening');
    await rig.store.releaseRun(run.id, '1.0');
    expect((await rig.store.findRun(run.id))?.state).toBe('finished');
    expect((await claimAll(rig.store)).map(({ key }) => key.split(':')[0]).sort()).toEqual([
      'audit',
      'audit',
      'reply',
      'reply',
      'root',
    ]);
  });

  test('a run without a thread ends with every job skipped, and is audited as refused', async () => {
    await using rig = await openRig();
    const { run } = await rig.store.createRun(approvedPlan({ skip: { web01: 'disabled' } }), 'request');
    await rig.store.abandonRun(run.id, 'not in the channel');
    await rig.store.releaseRun(run.id, '1.0');
    const after = await rig.store.findRun(run.id);
    expect(after).toMatchObject({ state: 'finished', progress: { queued: 0, settled: { skipped: 3 } } });
    expect(after?.rootTs).toBeUndefined();
    expect(await rig.store.jobs.take(10)).toEqual([]);
    const due = await claimAll(rig.store);
    // Should the root message stand after all, it is put right there.
    expect(due.map(({ key, onlyIfStands }) => [key.split(':')[0], onlyIfStands])).toEqual([
      ['audit', false],
      ['root', true],
      ['audit', false],
    ]);
    expect(await rig.store.audit.find(3)).toMatchObject({ action: 'refused', runId: run.id });
    expect((await rig.store.audit.verify()).faults).toEqual([]);
  });

  test('a cancel settles what waits, tells what runs, and says so again when repeated; each is in the audit', async () => {
    await using rig = await openRig();
    const run = await openRun(rig.store, { hosts: 5, fanOut: 2 });
    const running = await rig.store.jobs.start(await rig.store.jobs.take(10));
    const first = await rig.store.cancelRun(run.id, BOB);
    expect(first.skipped).toBe(3);
    expect(first.running.map(({ host }) => host)).toEqual(['web01', 'web02']);
    const second = await rig.store.cancelRun(run.id, ANN);
    expect(second).toEqual({ skipped: 0, running: first.running });
    expect(await rig.store.findRun(run.id)).toMatchObject({ state: 'open', cancelledBy: BOB });
    await rig.store.jobs.settle(running.map((job) => ({ job, outcome: okOutcome() })));
    expect(await rig.store.findRun(run.id)).toMatchObject({
      state: 'finished',
      progress: { queued: 0, running: 0, settled: { ok: 2, skipped: 3 } },
    });
    expect(await rig.store.jobs.take(10)).toEqual([]);
    const actions: string[] = [];
    for await (const entry of rig.store.audit.entries()) actions.push(entry.action);
    expect(actions).toEqual(['started', 'accepted', 'cancelled', 'cancelled', 'settled']);
  });

  test('a job taken but not started when its run is cancelled does not start', async () => {
    await using rig = await openRig();
    const run = await openRun(rig.store);
    const taken = await rig.store.jobs.take(2);
    await rig.store.cancelRun(run.id, ANN);
    expect(await rig.store.jobs.start(taken)).toEqual([]);
    expect((await rig.store.findRun(run.id))?.state).toBe('finished');
  });

  test('a run cancelled before its thread stands is finished once it does', async () => {
    await using rig = await openRig();
    const { run } = await rig.store.createRun(approvedPlan(), 'request');
    expect(await rig.store.cancelRun(run.id, ANN)).toEqual({ skipped: 3, running: [] });
    expect((await rig.store.findRun(run.id))?.state).toBe('opening');
    await rig.store.releaseRun(run.id, '1.0');
    expect((await rig.store.findRun(run.id))?.state).toBe('finished');
    expect(await drain(rig.store)).toEqual([]);
  });

  test('waiting jobs of some hosts can be skipped; a running one goes on', async () => {
    await using rig = await openRig();
    const run = await openRun(rig.store, { hosts: 4, fanOut: 1 });
    const running = await rig.store.jobs.start(await rig.store.jobs.take(1));
    await rig.store.skipJobs(run.id, ['web01', 'WEB02', 'web04'], 'no longer allowed');
    expect((await rig.store.findRun(run.id))?.progress).toEqual({
      queued: 1,
      running: 1,
      settled: { skipped: 2 },
    });
    await rig.store.jobs.settle(running.map((job) => ({ job, outcome: okOutcome() })));
    expect((await drain(rig.store)).map(({ host }) => host)).toEqual(['web03']);
    expect((await rig.store.findRun(run.id))?.state).toBe('finished');
  });
});
