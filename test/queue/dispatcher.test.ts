import { describe, expect, test, vi } from 'vitest';
import { NotKnownNow, Refusal } from '../../src/errors.ts';
import type { Log } from '../../src/ports/log.ts';
import type { Store } from '../../src/ports/store.ts';
import { fileTest } from '../store/file-test.ts';
import { ANN, openRun, quiet } from '../store/rig.ts';
import { approveAny, obeyAborts, openQueue, outcomesOf, portOf, skipAll, until } from './rig.ts';

describe('the dispatcher', () => {
  test('runs every job of a run once and stores its outcome', async () => {
    await using queue = await openQueue();
    const run = await openRun(queue.store, { hosts: 25 });
    await until(async () => {
      for (const one of queue.onWire) one.end();
      expect((await queue.store.findRun(run.id))?.state).toBe('finished');
    });
    expect(new Set(queue.sent.map(({ job }) => job.id)).size).toBe(25);
    expect(queue.sent).toHaveLength(25);
    expect((await queue.store.findRun(run.id))?.progress.settled).toEqual({ ok: 25 });
  });

  test('keeps a fixed number on the wire, and fills each slot as it gets free', async () => {
    await using queue = await openQueue({ concurrency: 4 });
    await openRun(queue.store, { hosts: 10 });
    await until(() => expect(queue.sent).toHaveLength(4));
    queue.sent[2]?.end();
    await until(() => expect(queue.sent).toHaveLength(5));
    // The other three are still at it.
    expect(queue.onWire.size).toBe(4);
    expect(queue.dispatcher.stats()).toEqual({ running: 4, waiting: 0 });
  });

  test('a run on 3 hosts does not wait behind one on 1,000', async () => {
    await using queue = await openQueue({ concurrency: 8 });
    await openRun(queue.store, { hosts: 1_000 });
    await until(() => expect(queue.sent).toHaveLength(8));
    const small = await openRun(queue.store, { hosts: ['db01', 'db02', 'db03'] });
    for (let ended = 0; queue.sent.filter(({ job }) => job.runId === small.id).length < 3; ended++) {
      const before = queue.sent.length;
      queue.sent[ended]?.end();
      await until(() => expect(queue.sent.length).toBeGreaterThan(before));
    }
    // Turn by turn: at most one of the big run's between two of the small one's, and the one that was in line.
    expect(queue.sent.length).toBeLessThanOrEqual(8 + 6 + 1);
  });

  test('what it depends on whether a run may go on is not known just now: it waits, and is asked about again', async () => {
    const asked: string[] = [];
    const refused: string[] = [];
    await using queue = await openQueue({
      approve: async (runId) => {
        asked.push(runId);
        if (asked.length === 1) throw new NotKnownNow('No bot answers; nothing was done.');
        return await approveAny(queue.store, runId);
      },
      refuse: async (runId) => void refused.push(runId),
    });
    await openRun(queue.store, { hosts: 2 });
    await until(() => expect(queue.sent).toHaveLength(2));
    expect([asked.length, refused]).toEqual([2, []]);
  });

  test('jobs of one host wait for each other, also across runs', async () => {
    await using queue = await openQueue();
    const first = await openRun(queue.store, { hosts: ['web01'] });
    const second = await openRun(queue.store, { hosts: ['web01', 'web02'] });
    await until(() => expect(queue.sent).toHaveLength(2));
    expect(queue.sent.map(({ job }) => `${job.runId} ${job.host}`).toSorted()).toEqual(
      [`${first.id} web01`, `${second.id} web02`].toSorted(),
    );
    queue.sent.find(({ job }) => job.runId === first.id)?.end();
    await until(() => expect(queue.sent).toHaveLength(3));
    expect(queue.sent[2]?.job).toMatchObject({ runId: second.id, host: 'web01' });
  });

  test('asks once per run whether it is still allowed, before anything is sent', async () => {
    const asked: string[] = [];
    const answer = Promise.withResolvers<void>();
    let store: Store | undefined;
    await using queue = await openQueue({
      concurrency: 2,
      approve: async (runId) => {
        asked.push(runId);
        await answer.promise;
        if (store === undefined) throw new Error('no store yet');
        return approveAny(store, runId);
      },
    });
    store = queue.store;
    const run = await openRun(queue.store, { hosts: 3 });
    await until(() => expect(asked).toEqual([run.id]));
    expect(queue.dispatcher.stats()).toEqual({ running: 0, waiting: 2 });
    expect((await queue.store.findRun(run.id))?.progress.queued).toBe(3);
    answer.resolve();
    await until(() => expect(queue.sent).toHaveLength(2));
    queue.sent[0]?.end();
    await until(() => expect(queue.sent).toHaveLength(3));
    expect(asked).toEqual([run.id]);
  });

  test('what is no longer allowed is skipped, told why, and holds up nobody', async () => {
    let store: Store | undefined;
    await using queue = await openQueue({
      concurrency: 2,
      approve: async (runId) => {
        if (store === undefined) throw new Error('no store yet');
        const run = await store.findRun(runId);
        if (run?.plan.targets.length === 3) throw new Refusal('not-allowed', 'the rule is gone');
        return approveAny(store, runId);
      },
      refuse: async (runId, refusal) => store && skipAll(store, runId, refusal.message),
    });
    store = queue.store;
    const refused = await openRun(queue.store, { hosts: 3 });
    const allowed = await openRun(queue.store, { hosts: 2 });
    await until(() => expect(queue.sent).toHaveLength(2));
    expect(queue.sent.every(({ job }) => job.runId === allowed.id)).toBe(true);
    await until(async () =>
      expect(await queue.store.findRun(refused.id)).toMatchObject({
        state: 'finished',
        progress: { settled: { skipped: 3 } },
      }),
    );
    expect((await queue.store.findJob(refused.id, 'web01'))?.outcome?.reason).toBe('the rule is gone');
  });

  test('a defect in the question means no, under an id that the log has', async () => {
    const errors: object[] = [];
    const log: Log = { ...quiet, error: (fields) => errors.push(fields) };
    await using queue = await openQueue({
      log,
      approve: () => {
        throw new TypeError('oops');
      },
    });
    const run = await openRun(queue.store, { hosts: 2 });
    await until(async () => expect((await queue.store.findRun(run.id))?.state).toBe('finished'));
    const reason = (await queue.store.findJob(run.id, 'web01'))?.outcome?.reason;
    const id = /internal error, id (\w+)/.exec(reason ?? '')?.[1];
    expect(errors).toContainEqual(expect.objectContaining({ id, runId: run.id }));
    expect(queue.sent).toEqual([]);
  });

  test('a defect while a job runs leaves it as lost, under an id that the log has', async () => {
    const errors: object[] = [];
    const log: Log = { ...quiet, error: (fields) => errors.push(fields) };
    await using queue = await openQueue({
      log,
      execute: () => {
        throw new TypeError('oops');
      },
    });
    const run = await openRun(queue.store, { hosts: 1 });
    await until(async () => expect((await queue.store.findRun(run.id))?.state).toBe('finished'));
    const outcome = (await queue.store.findJob(run.id, 'web01'))?.outcome;
    expect(outcome?.kind).toBe('lost');
    const id = /internal error, id (\w+)/.exec(outcome?.reason ?? '')?.[1];
    expect(errors).toContainEqual(expect.objectContaining({ id, host: 'web01' }));
  });

  test('a cancel aborts what runs and nothing else starts', async () => {
    await using queue = await openQueue({ concurrency: 2 });
    const run = await openRun(queue.store, { hosts: 5, fanOut: 1 });
    const other = await openRun(queue.store, { hosts: ['db01'] });
    await until(() => expect(queue.sent).toHaveLength(2));
    obeyAborts(queue.sent.filter(({ job }) => job.runId === run.id));
    const { running } = await queue.store.cancelRun(run.id, ANN);
    queue.dispatcher.cancel(running);
    await until(async () => expect((await queue.store.findRun(run.id))?.state).toBe('finished'));
    expect((await queue.store.findRun(run.id))?.progress.settled).toEqual({ cancelled: 1, skipped: 4 });
    const theirs = queue.sent.filter(({ job }) => job.runId === other.id);
    expect(theirs.map(({ signal }) => signal.aborted)).toEqual([false]);
  });

  test('a cancel that comes between the start guard and the wire sends nothing', async () => {
    const guarded = Promise.withResolvers<void>();
    const letGo = Promise.withResolvers<void>();
    await using queue = await openQueue({
      wrap: (jobs) => ({
        ...portOf(jobs),
        async start(wanted) {
          const started = await jobs.start(wanted);
          guarded.resolve();
          await letGo.promise;
          return started;
        },
      }),
    });
    const run = await openRun(queue.store, { hosts: 1 });
    await guarded.promise;
    const { running } = await queue.store.cancelRun(run.id, ANN);
    expect(running).toHaveLength(1);
    queue.dispatcher.cancel(running);
    letGo.resolve();
    await until(async () => expect((await queue.store.findRun(run.id))?.state).toBe('finished'));
    expect(await outcomesOf(queue.store, run.id)).toEqual(['web01 cancelled']);
    expect(queue.sent).toEqual([]);
  });

  test('a stop lets what runs end by itself, starts nothing, and leaves the rest queued', async () => {
    await using queue = await openQueue({ concurrency: 2 });
    const run = await openRun(queue.store, { hosts: 4 });
    await until(() => expect(queue.sent).toHaveLength(2));
    const stopped = queue.dispatcher.stop(60_000);
    for (const one of queue.sent) one.end();
    await stopped;
    expect(await outcomesOf(queue.store, run.id)).toEqual([
      'web01 ok',
      'web02 ok',
      'web03 queued',
      'web04 queued',
    ]);
    expect(queue.sent).toHaveLength(2);
    await queue.rig.reopen();
    expect((await queue.rig.store.findRun(run.id))?.progress).toEqual({
      queued: 2,
      running: 0,
      settled: { ok: 2 },
    });
  });

  test('a stop aborts what is still there after its grace, and stores how it ended', async () => {
    await using queue = await openQueue();
    const run = await openRun(queue.store, { hosts: 2 });
    await until(() => expect(queue.sent).toHaveLength(2));
    obeyAborts(queue.sent);
    await queue.dispatcher.stop(0);
    expect(await outcomesOf(queue.store, run.id)).toEqual(['web01 interrupted', 'web02 interrupted']);
    expect((await queue.store.findRun(run.id))?.state).toBe('finished');
  });

  fileTest('a stop is over even with a job that does not listen', async () => {
    await using queue = await openQueue({ abortLimitMs: 50 });
    const run = await openRun(queue.store, { hosts: 1 });
    await until(() => expect(queue.sent).toHaveLength(1));
    await queue.dispatcher.stop(0);
    expect(await outcomesOf(queue.store, run.id)).toEqual(['web01 interrupted']);
    queue.sent[0]?.end();
    expect(await outcomesOf(queue.store, run.id)).toEqual(['web01 interrupted']);
  });

  test('a stop with nothing to do is over at once', async () => {
    await using queue = await openQueue();
    await queue.dispatcher.stop(60_000);
    await queue.dispatcher.stop(60_000);
    expect(queue.dispatcher.stats()).toEqual({ running: 0, waiting: 0 });
  });

  test('an idle queue asks for nothing until it is told', async () => {
    const takes = vi.fn();
    await using queue = await openQueue({
      wrap: (jobs) => ({
        ...portOf(jobs),
        take(n) {
          takes();
          return jobs.take(n);
        },
      }),
    });
    await until(() => expect(takes).toHaveBeenCalled());
    const before = takes.mock.calls.length;
    await queue.store.recordRefusal({ requester: ANN, channelId: 'C', typed: '', code: 'usage', reason: '' });
    for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
    expect(takes.mock.calls.length).toBe(before);
    await openRun(queue.store, { hosts: 1 });
    await until(() => expect(queue.sent).toHaveLength(1));
  });
});
