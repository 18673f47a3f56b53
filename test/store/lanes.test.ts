import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { TakenJob } from '../../src/run/run.ts';
import { Lanes, type QueuedRun } from '../../src/store/jobs/lanes.ts';
import { cpuMs } from '../linear/cpu.ts';

const jobsOn = (runId: string, hosts: readonly string[]): TakenJob[] =>
  hosts.map((host) => ({ id: `${runId}/${host}`, runId, host }));
const run = (id: string, fanOut: number, person = 'ann'): QueuedRun => ({ id, person, fanOut });
const ids = (jobs: readonly TakenJob[]): string[] => jobs.map(({ id }) => id);
const web = (count: number): string[] => Array.from({ length: count }, (_, n) => `w${n}`);

describe('the lanes', () => {
  test('runs take turns', () => {
    const lanes = new Lanes(1);
    lanes.add(run('big', 64), jobsOn('big', web(1_000)));
    lanes.add(run('small', 64), jobsOn('small', ['db1', 'db2', 'db3']));
    expect(ids(lanes.take(7))).toEqual([
      'big/w0',
      'small/db1',
      'big/w1',
      'small/db2',
      'big/w2',
      'small/db3',
      'big/w3',
    ]);
  });

  test('people take turns, then the runs of each: asking more often brings nothing', () => {
    const lanes = new Lanes(1);
    for (const id of ['a1', 'a2', 'a3']) lanes.add(run(id, 64), jobsOn(id, [`${id}x`, `${id}y`]));
    lanes.add(run('b1', 64, 'bob'), jobsOn('b1', web(3)));
    expect(ids(lanes.take(6))).toEqual(['a1/a1x', 'b1/w0', 'a2/a2x', 'b1/w1', 'a3/a3x', 'b1/w2']);
  });

  test('a person stays within their share over all runs, also while nobody else is there', () => {
    const lanes = new Lanes(1, 3);
    for (const id of ['a1', 'a2']) lanes.add(run(id, 64), jobsOn(id, [`${id}x`, `${id}y`]));
    expect(ids(lanes.take(9))).toEqual(['a1/a1x', 'a2/a2x', 'a1/a1y']);
    lanes.add(run('b1', 64, 'bob'), jobsOn('b1', web(2)));
    expect(ids(lanes.take(9))).toEqual(['b1/w0', 'b1/w1']);
    lanes.remove('a1/a1x');
    expect(ids(lanes.take(9))).toEqual(['a2/a2y']);
  });

  test('what waits is told apart by what it waits for', () => {
    const lanes = new Lanes(1, 3);
    lanes.add(run('a', 2), jobsOn('a', ['h1', 'h2', 'h3']));
    lanes.add(run('b', 9, 'bob'), jobsOn('b', ['h1', 'h8', 'h9']));
    lanes.add(run('c', 9), jobsOn('c', ['h4', 'h5']));
    expect(ids(lanes.take(4))).toEqual(['a/h1', 'b/h8', 'c/h4', 'b/h9']);
    const waits = (): unknown => Object.fromEntries(lanes.waits(new Set(['a', 'b', 'c', 'gone'])));
    const none = { host: 0, fanOut: 0, person: 0, slot: 0, behind: [] };
    expect(waits()).toEqual({
      a: { ...none, slot: 2 },
      b: { ...none, host: 1, behind: [{ host: 'h1', runId: 'a' }] },
      c: { ...none, slot: 1 },
    });
    lanes.take(9);
    expect(waits()).toMatchObject({ a: { ...none, fanOut: 1 }, c: { ...none, person: 1 } });
  });

  test('a run that comes later has the next turn although an earlier one has all the slots', () => {
    const lanes = new Lanes(1);
    lanes.add(run('big', 64), jobsOn('big', web(1_000)));
    expect(lanes.take(10)).toHaveLength(10);
    lanes.add(run('small', 64), jobsOn('small', ['db1', 'db2', 'db3']));
    lanes.remove('big/w0');
    lanes.remove('big/w1');
    expect(ids(lanes.take(2))).toContain('small/db1');
  });

  test('a run stays within its fan-out and a host within its limit, over all runs and spellings', () => {
    const lanes = new Lanes(2);
    lanes.add(run('a', 2), jobsOn('a', ['h1', 'h2', 'h3']));
    lanes.add(run('b', 9), jobsOn('b', ['H1']));
    lanes.add(run('c', 9), jobsOn('c', ['h1']));
    expect(ids(lanes.take(9)).toSorted()).toEqual(['a/h1', 'a/h2', 'b/H1']);
    lanes.remove('b/H1');
    expect(ids(lanes.take(9))).toEqual(['c/h1']);
    lanes.remove('a/h2');
    expect(ids(lanes.take(9))).toEqual(['a/h3']);
  });

  test("on one host, what a person asked for first is done first, also while its run's fan-out keeps it", () => {
    const lanes = new Lanes(1);
    lanes.add(run('stop', 1), jobsOn('stop', ['h1', 'h2']));
    lanes.add(run('start', 9), jobsOn('start', ['h2']));
    // `start` waits for `stop` to come to h2, and so that is called up.
    expect(ids(lanes.take(9))).toEqual(['stop/h2']);
    lanes.remove('stop/h2');
    expect(ids(lanes.take(9)).toSorted()).toEqual(['start/h2', 'stop/h1']);
  });

  test("a job that could not start now anyway holds nobody else: its run's fan-out, its person's share", () => {
    const slow = new Lanes(1);
    slow.add(run('slow', 1), jobsOn('slow', ['h1', 'h2', 'h3']));
    expect(ids(slow.take(9))).toEqual(['slow/h1']);
    slow.add(run('b', 9, 'bob'), jobsOn('b', ['h1', 'h2', 'h3']));
    expect(ids(slow.take(9))).toEqual(['b/h2', 'b/h3']);
    expect(slow.waits(new Set(['b'])).get('b')).toMatchObject({
      host: 1,
      behind: [{ host: 'h1', runId: 'slow' }],
    });

    const greedy = new Lanes(1, 2);
    greedy.add(run('all', 64), jobsOn('all', ['h1', 'h2', 'h3', 'h4']));
    expect(ids(greedy.take(9))).toEqual(['all/h1', 'all/h2']);
    greedy.add(run('b', 9, 'bob'), jobsOn('b', ['h3', 'h4']));
    expect(ids(greedy.take(9))).toEqual(['b/h3', 'b/h4']);
  });

  test('on one host people share: who has least on the wire goes first, then who has waited longest', () => {
    const lanes = new Lanes(1);
    for (const id of ['a1', 'a2', 'a3']) lanes.add(run(id, 9), jobsOn(id, ['h1']));
    lanes.add(run('b1', 9, 'bob'), jobsOn('b1', ['h1']));
    lanes.add(run('c1', 9, 'cat'), jobsOn('c1', ['h1', 'h2', 'h3']));
    const order: string[] = [];
    for (let taken = lanes.take(9); taken.length > 0; taken = lanes.take(9)) {
      order.push(...ids(taken));
      for (const job of taken) if (job.host === 'h1') lanes.remove(job.id);
    }
    expect(order.filter((id) => id.endsWith('/h1'))).toEqual(['a1/h1', 'b1/h1', 'a2/h1', 'a3/h1', 'c1/h1']);
  });

  test('whoever comes new has the next slot that frees, however many have all of them', () => {
    const lanes = new Lanes(1, 3);
    lanes.add(run('a', 64), jobsOn('a', web(50)));
    lanes.add(
      run('b', 64, 'bob'),
      jobsOn(
        'b',
        web(50).map((host) => `x${host}`),
      ),
    );
    const [first] = lanes.take(4);
    lanes.add(run('c', 64, 'cat'), jobsOn('c', ['c1', 'c2', 'c3']));
    lanes.add(run('d', 64, 'dan'), jobsOn('d', ['d1']));
    lanes.remove(first?.id ?? '');
    expect(ids(lanes.take(1))).toEqual(['c/c1']);
    lanes.remove('b/xw0');
    expect(ids(lanes.take(1))).toEqual(['d/d1']);
  });

  test('a short run does not wait for all of a long one that has its hosts too', () => {
    const lanes = new Lanes(1);
    lanes.add(run('long', 1), jobsOn('long', web(1_000)));
    expect(ids(lanes.take(1))).toEqual(['long/w0']);
    lanes.add(run('short', 9), jobsOn('short', ['w900', 'w901']));
    lanes.remove('long/w0');
    expect(ids(lanes.take(9))).toEqual(['long/w900']);
    lanes.remove('long/w900');
    expect(ids(lanes.take(9)).toSorted()).toEqual(['long/w901', 'short/w900']);
  });

  test('10,000 jobs are handed out in linear time', () => {
    const handOut = (count: number): void => {
      const lanes = new Lanes(1);
      lanes.add(run('a', 100), jobsOn('a', web(count)));
      lanes.add(run('b', 100), jobsOn('b', web(count)));
      for (let left = count * 2; left > 0; ) {
        const taken = lanes.take(150);
        for (const { id } of taken) lanes.remove(id);
        left -= taken.length;
      }
    };
    handOut(1_000);
    // Of this thread alone: a busy machine costs no more. Quadratic, it would be many times that.
    expect(cpuMs(() => handOut(10_000))).toBeLessThan(4_000);
  });

  test('whatever happens, limits hold, no job is handed out twice, none is held back for nothing, all come', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('take' as const), n: fc.integer({ min: 0, max: 6 }) }),
      fc.record({ do: fc.constant('end' as const), n: fc.nat(50) }),
      fc.record({ do: fc.constant('skip' as const), n: fc.nat(50) }),
      fc.record({
        do: fc.constant('add' as const),
        n: fc.integer({ min: 1, max: 3 }),
        hosts: fc.uniqueArray(fc.constantFrom('h1', 'h2', 'h3', 'h4', 'h5'), { minLength: 1 }),
      }),
    );
    const limits = fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 6 }));
    const personOf = (id: string): string => `person ${Number(id.slice(1)) % 2}`;
    fc.assert(
      fc.property(limits, fc.array(step, { maxLength: 60 }), ([hostLimit, personLimit], steps) => {
        const lanes = new Lanes(hostLimit, personLimit);
        const fanOuts = new Map<string, number>();
        const waiting: TakenJob[] = [];
        const running: TakenJob[] = [];
        const handedOut = new Set<string>();
        const count = (of: 'runId' | 'host', value: string): number =>
          running.filter((job) => job[of] === value).length;
        const canStart = (job: TakenJob): boolean =>
          running.filter(({ runId }) => personOf(runId) === personOf(job.runId)).length < personLimit &&
          count('runId', job.runId) < (fanOuts.get(job.runId) ?? 0) &&
          // Those of its own person that are ahead of it in its lane go first.
          count('host', job.host) +
            waiting
              .filter((other) => other.host === job.host && personOf(other.runId) === personOf(job.runId))
              .indexOf(job) <
            hostLimit;

        const take = (n: number): void => {
          const taken = lanes.take(n);
          expect(taken.length).toBeLessThanOrEqual(n);
          for (const job of taken) {
            expect(handedOut.has(job.id)).toBe(false);
            expect(canStart(job)).toBe(true);
            handedOut.add(job.id);
            waiting.splice(waiting.indexOf(job), 1);
            running.push(job);
          }
          if (taken.length < n) expect(waiting.filter(canStart)).toEqual([]);
        };
        const forget = (from: TakenJob[], n: number): void => {
          const [job] = from.splice(n % Math.max(from.length, 1), 1);
          if (job !== undefined) lanes.remove(job.id);
        };
        for (const { n, ...now } of steps) {
          if (now.do === 'take') take(n);
          if (now.do === 'end') forget(running, n);
          if (now.do === 'skip') forget(waiting, n);
          if (now.do === 'add') {
            const id = `r${fanOuts.size}`;
            const jobs = jobsOn(id, now.hosts);
            fanOuts.set(id, n);
            waiting.push(...jobs);
            lanes.add(run(id, n, personOf(id)), jobs);
          }
        }
        while (waiting.length + running.length > 0) {
          take(3);
          expect(running).not.toEqual([]);
          forget(running, 0);
        }
        expect(lanes.take(9)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});
