import { describe, expect, test, vi } from 'vitest';
import { Refusal } from '../../src/errors.ts';
import { bareOutcome } from '../../src/run/outcome.ts';
import { openRun } from '../store/rig.ts';
import { approveAny, openQueue, outcomesOf, portOf, skipAll, until } from './rig.ts';

describe('the dispatcher and its store', () => {
  test('while outcomes cannot be stored they are kept, nothing starts, and no outcome is lost', async () => {
    let isFull = false;
    const tries = vi.fn();
    await using queue = await openQueue({
      concurrency: 2,
      wrap: (jobs) => ({
        ...portOf(jobs),
        async settle(ended) {
          tries();
          if (isFull) throw new Error('database or disk is full');
          await jobs.settle(ended);
        },
      }),
    });
    const run = await openRun(queue.store, { hosts: 4 });
    await until(() => expect(queue.sent).toHaveLength(2));
    isFull = true;
    queue.sent[0]?.end();
    await until(() => expect(tries.mock.calls.length).toBeGreaterThan(1));
    queue.sent[1]?.end(bareOutcome('failed', 'as it was'));
    await until(() => expect(tries.mock.calls.length).toBeGreaterThan(2));
    expect(queue.sent).toHaveLength(2);
    isFull = false;
    await until(() => expect(queue.sent).toHaveLength(4));
    expect(await outcomesOf(queue.store, run.id)).toEqual([
      'web01 ok',
      'web02 failed',
      'web03 running',
      'web04 running',
    ]);
  });

  test('a start that cannot be recorded is not sent; it is tried again and then sent once', async () => {
    const refusals = [new Error('disk full'), new Error('disk full')];
    await using queue = await openQueue({
      wrap: (jobs) => ({
        ...portOf(jobs),
        async start(wanted) {
          const refusal = refusals.pop();
          if (refusal !== undefined) throw refusal;
          return jobs.start(wanted);
        },
      }),
    });
    await openRun(queue.store, { hosts: 1 });
    await until(() => expect(queue.sent).toHaveLength(1));
    expect(refusals).toEqual([]);
  });

  test('a start whose answer was lost on its way is not sent and not stuck', async () => {
    let isLost = false;
    await using queue = await openQueue({
      wrap: (jobs) => ({
        ...portOf(jobs),
        async start(wanted) {
          const started = await jobs.start(wanted);
          if (isLost) return started;
          isLost = true;
          throw new Error('disk I/O error');
        },
      }),
    });
    const run = await openRun(queue.store, { hosts: 1 });
    await until(async () => expect((await queue.store.findRun(run.id))?.state).toBe('finished'));
    expect(await outcomesOf(queue.store, run.id)).toEqual(['web01 skipped']);
    expect(queue.sent).toEqual([]);
  });

  test.each([true, false])(
    'a run that is refused while a start of it is in doubt ends, is refused once and holds no slot (recorded: %s)',
    async (isRecorded) => {
      let isRefused = false;
      const refusals: string[] = [];
      await using queue = await openQueue({
        concurrency: 2,
        wrap: (jobs) => ({
          ...portOf(jobs),
          async start(wanted) {
            if (isRefused) return jobs.start(wanted);
            if (isRecorded) await jobs.start(wanted);
            isRefused = true;
            queue.dispatcher.judgeAgain();
            throw new Error('disk I/O error');
          },
        }),
        approve: async (runId) => {
          if (isRefused && runId === run.id) throw new Refusal('not-allowed', 'no rule covers web01');
          return approveAny(queue.store, runId);
        },
        refuse: async (runId, refusal) => {
          refusals.push(runId);
          await skipAll(queue.store, runId, refusal.message);
        },
      });
      const run = await openRun(queue.store, { hosts: 2 });
      await until(async () => expect((await queue.store.findRun(run.id))?.state).toBe('finished'));
      expect(await outcomesOf(queue.store, run.id)).toEqual(['web01 skipped', 'web02 skipped']);
      expect(queue.sent).toEqual([]);
      await openRun(queue.store, { hosts: 2 });
      await until(() => expect(queue.sent).toHaveLength(2));
      expect(refusals).toEqual([run.id]);
    },
  );

  test('an outcome waits for nothing but the store: what is about to start does not keep it', async () => {
    let isHeld = false;
    const { promise: letGo, resolve } = Promise.withResolvers<void>();
    const starting = vi.fn(() => (isHeld ? letGo : Promise.resolve()));
    await using queue = await openQueue({ beforeStart: starting });
    const run = await openRun(queue.store, { hosts: ['web01', 'web02'] });
    await until(() => expect(queue.sent).toHaveLength(2));
    isHeld = true;
    await openRun(queue.store, { hosts: ['db01'] });
    await until(() => expect(starting).toHaveBeenCalledTimes(2));
    for (const one of queue.sent) one.end();
    await until(async () => expect(await outcomesOf(queue.store, run.id)).toEqual(['web01 ok', 'web02 ok']));
    expect(queue.sent).toHaveLength(2);
    resolve();
    await until(() => expect(queue.sent).toHaveLength(3));
  });

  test('outcomes that come while others are being stored are stored together', async () => {
    const settled: number[] = [];
    const { promise: letGo, resolve } = Promise.withResolvers<void>();
    await using queue = await openQueue({
      wrap: (jobs) => ({
        ...portOf(jobs),
        async settle(ended) {
          settled.push(ended.length);
          if (settled.length === 1) await letGo;
          await jobs.settle(ended);
        },
      }),
    });
    await openRun(queue.store, { hosts: 8 });
    await until(() => expect(queue.sent).toHaveLength(8));
    queue.sent[0]?.end();
    await until(() => expect(settled).toEqual([1]));
    for (const one of queue.sent.slice(1)) {
      one.end();
      await new Promise(setImmediate);
    }
    resolve();
    await until(() => expect(settled).toEqual([1, 7]));
  });

  test.each([
    { what: 'few outcomes that come soon after others', storePauseMs: 60_000, ended: 3, stored: [1, 3] },
    { what: 'an outcome waits no longer than the pause', storePauseMs: 200, ended: 1, stored: [1, 1] },
  ])(
    'while a round is busy, outcomes wait for their neighbours: $what',
    async ({ storePauseMs, ended, stored }) => {
      const settled: number[] = [];
      const { promise: letGo, resolve } = Promise.withResolvers<void>();
      let isToHold = false;
      let isHeld = false;
      await using queue = await openQueue({
        storePauseMs,
        wrap: (jobs) => ({
          ...portOf(jobs),
          async take(n) {
            if (isToHold) {
              isHeld = true;
              await letGo;
            }
            return await jobs.take(n);
          },
          async settle(outcomes) {
            await jobs.settle(outcomes);
            settled.push(outcomes.length);
          },
        }),
      });
      await openRun(queue.store, { hosts: 9 });
      await until(() => expect(queue.sent).toHaveLength(9));
      isToHold = true;
      queue.sent[0]?.end();
      await until(() => expect({ settled, isHeld }).toEqual({ settled: [1], isHeld: true }));
      for (const one of queue.sent.slice(1, 1 + ended)) {
        one.end();
        for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
      }
      // A pause so long is ended by the next round only.
      if (ended > 1) resolve();
      await until(() => expect(settled).toEqual(stored));
      resolve();
    },
  );
});
