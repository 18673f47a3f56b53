import { describe, expect, test, vi } from 'vitest';
import {
  bareOutcome,
  type MovedFile,
  NO_OUTPUT,
  OUTCOME_KINDS,
  type Outcome,
} from '../../src/run/outcome.ts';
import { totalJobs } from '../../src/run/run.ts';
import { fileTest } from './file-test.ts';
import { claimAll, drain, okOutcome, openRig, openRun } from './rig.ts';

describe('the jobs of the store', () => {
  test('the start guard answers once in a job’s life', async () => {
    await using rig = await openRig();
    await openRun(rig.store);
    const taken = await rig.store.jobs.take(10);
    const answers = await Promise.all([rig.store.jobs.start(taken), rig.store.jobs.start(taken)]);
    expect(answers.map((started) => started.length)).toEqual([3, 0]);
    await rig.store.jobs.settle(taken.map((job) => ({ job, outcome: okOutcome() })));
    expect(await rig.store.jobs.start(taken)).toEqual([]);
    await rig.reopen();
    expect(await rig.store.jobs.start(taken)).toEqual([]);
  });

  test('the same job twice in one call starts once', async () => {
    await using rig = await openRig();
    await openRun(rig.store, { hosts: 1 });
    const taken = await rig.store.jobs.take(1);
    expect(await rig.store.jobs.start([...taken, ...taken])).toHaveLength(1);
  });

  test('the first outcome stands', async () => {
    await using rig = await openRig();
    const run = await openRun(rig.store, { hosts: 2 });
    const started = await rig.store.jobs.start(await rig.store.jobs.take(1));
    const [job] = started;
    if (job === undefined) throw new Error('nothing started');
    await rig.store.jobs.settle([
      { job, outcome: bareOutcome('lost', 'first') },
      { job, outcome: okOutcome() },
    ]);
    await rig.store.jobs.settle([{ job, outcome: okOutcome() }]);
    expect((await rig.store.findJob(run.id, job.host))?.outcome).toMatchObject({
      kind: 'lost',
      reason: 'first',
    });
    expect((await claimAll(rig.store)).filter(({ key }) => key.startsWith('reply:'))).toHaveLength(1);
  });

  test('a job that was never started takes no outcome', async () => {
    await using rig = await openRig();
    const run = await openRun(rig.store, { hosts: 1 });
    const [job] = await rig.store.jobs.take(1);
    if (job === undefined) throw new Error('nothing taken');
    await rig.store.jobs.settle([{ job, outcome: okOutcome() }]);
    expect((await rig.store.findRun(run.id))?.progress).toEqual({ queued: 1, running: 0, settled: {} });
  });

  test('every kind of outcome comes back as it was put in', async () => {
    await using rig = await openRig();
    const hosts = [...OUTCOME_KINDS];
    const run = await openRun(rig.store, { hosts });
    const text = 'NUL \0, half a pair \ud800, "quotes", \u2028 and ✓';
    const outcomeOf = (kind: string): Outcome => ({
      kind: OUTCOME_KINDS.find((one) => one === kind) ?? 'ok',
      exitCode: kind === 'failed' ? 3 : null,
      signal: kind === 'killed' ? 'TERM' : null,
      reason: `${kind}: ${text}`,
      stdout: {
        head: text,
        tail: 'end',
        totalBytes: 900,
        omittedBytes: 800,
        binary: false,
        sha256: 'b'.repeat(64),
      },
      stderr: { ...NO_OUTPUT, totalBytes: 3, binary: true, sha256: 'c'.repeat(64) },
      durationMs: 1_234,
    });
    await drain(rig.store, (job) => outcomeOf(job.host));
    for (const kind of OUTCOME_KINDS) {
      expect((await rig.store.findJob(run.id, kind))?.outcome).toEqual(outcomeOf(kind));
    }
    const [first] = await rig.store.listJobs(run.id);
    expect(first?.outcome).toEqual({
      ...outcomeOf('ok'),
      stdout: { ...outcomeOf('ok').stdout, head: '', tail: '', omittedBytes: 900 },
      stderr: { ...outcomeOf('ok').stderr, omittedBytes: 3 },
    });
    const after = await rig.store.findRun(run.id);
    expect(after?.progress.settled).toEqual(Object.fromEntries(OUTCOME_KINDS.map((kind) => [kind, 1])));
    expect(after === undefined ? 0 : totalJobs(after.progress)).toBe(OUTCOME_KINDS.length);
  });

  test('the last outcome finishes the run and writes its digest into the audit', async () => {
    await using rig = await openRig();
    const run = await openRun(rig.store, { hosts: 2 });
    await drain(rig.store, (job) => okOutcome(job.host));
    expect(await rig.store.findRun(run.id)).toMatchObject({
      state: 'finished',
      finishedAt: expect.any(Number),
    });
    const [stored] = await rig.query(`select digest from run where id = '${run.id}'`);
    expect(await rig.store.audit.find(3)).toMatchObject({
      action: 'settled',
      runId: run.id,
      userId: 'UANN',
      detail: { digest: stored?.digest, outcomes: { ok: 2 } },
    });
    expect((await rig.store.audit.verify()).faults).toEqual([]);
  });

  test('a fetched file and a long output get a row of their own, after the reply', async () => {
    await using rig = await openRig();
    const work = { action: 'get', local: 'x', remote: '/x' } as const;
    const get = await openRun(rig.store, { hosts: ['a', 'b', 'c'], work });
    const file: MovedFile = { path: 'x', bytes: 1, sha256: 'd'.repeat(64), verified: 'checksum' };
    await drain(rig.store, ({ host }) =>
      host === 'a'
        ? okOutcome('', { file })
        : host === 'b'
          ? bareOutcome('transfer-failed', '')
          : okOutcome(),
    );
    const kindsOf = async (runId: string): Promise<string[]> =>
      (await claimAll(rig.store, { lane: 'posts' }))
        .map(({ key }) => key.split(':'))
        .flatMap(([kind, run, host]) => (run === runId ? [`${kind} ${host}`] : []));
    expect(await kindsOf(get.id)).toEqual(['reply a', 'file a', 'reply b', 'reply c']);
    const run = await openRun(rig.store, { hosts: ['a', 'b'] });
    await drain(rig.store, ({ host }) => okOutcome(host === 'a' ? 'short' : 'long '.repeat(1_000)));
    expect(await kindsOf(run.id)).toEqual(['reply a', 'reply b', 'file b']);
    const put = { action: 'put', local: 'x', remote: '/x', source: { bytes: 1, sha256: 'e' } } as const;
    const sent = await openRun(rig.store, { hosts: ['a'], work: put });
    await drain(rig.store, () => okOutcome('', { file }));
    expect(await kindsOf(sent.id)).toEqual(['reply a']);
  });

  fileTest('what a dead process left running is interrupted; what waited goes on', async () => {
    await using rig = await openRig();
    const run = await openRun(rig.store, { hosts: 4, fanOut: 2 });
    const other = await openRun(rig.store, { hosts: ['db01'] });
    await rig.store.jobs.start(await rig.store.jobs.take(3));
    await rig.reopen();
    expect((await rig.store.findRun(run.id))?.progress).toEqual({
      queued: 2,
      running: 0,
      settled: { interrupted: 2 },
    });
    expect((await rig.store.findRun(other.id))?.state).toBe('finished');
    expect((await rig.store.findJob(other.id, 'db01'))?.outcome?.reason).toContain('may or may not');
    expect((await drain(rig.store)).map(({ host }) => host)).toEqual(['web03', 'web04']);
    expect((await rig.store.findRun(run.id))?.progress.settled).toEqual({ interrupted: 2, ok: 2 });
    const actions: unknown[] = [];
    for await (const { action, runId, detail } of rig.store.audit.entries()) {
      if (action === 'interrupted') actions.push([runId, detail.hosts]);
    }
    expect(actions).toEqual([
      [run.id, ['web01', 'web02']],
      [other.id, ['db01']],
    ]);
    const replies = (await claimAll(rig.store)).filter(({ key }) => key.startsWith('reply:'));
    expect(replies).toHaveLength(5);
    expect((await rig.store.audit.verify()).faults).toEqual([]);
  });

  fileTest('a second restart finds nothing more to interrupt', async () => {
    await using rig = await openRig();
    const run = await openRun(rig.store, { hosts: 2 });
    await rig.store.jobs.start(await rig.store.jobs.take(1));
    await rig.reopen();
    await rig.reopen();
    expect((await rig.store.findRun(run.id))?.progress).toEqual({
      queued: 1,
      running: 0,
      settled: { interrupted: 1 },
    });
  });

  test('says when there is something to take', async () => {
    await using rig = await openRig();
    const onReady = vi.fn();
    rig.store.jobs.onReady(onReady);
    await openRun(rig.store, { hosts: 2, fanOut: 1 });
    expect(onReady).toHaveBeenCalled();
    const started = await rig.store.jobs.start(await rig.store.jobs.take(2));
    expect(started).toHaveLength(1);
    onReady.mockClear();
    await rig.store.jobs.settle(started.map((job) => ({ job, outcome: okOutcome() })));
    expect(onReady).toHaveBeenCalled();
    expect(await rig.store.jobs.take(2)).toHaveLength(1);
  });
});
