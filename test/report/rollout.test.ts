import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatPreview } from '../../src/report/answers.ts';
import { formatRuns } from '../../src/report/history.ts';
import { formatQueue } from '../../src/report/queue.ts';
import { describeRollout, listBatches, noteRollout } from '../../src/report/text/rollout.ts';
import type { Plan } from '../../src/run/plan.ts';
import type { RolloutStand, Run } from '../../src/run/run.ts';
import { formatLogHeader } from '../../src/thread/files/log.ts';
import { formatRoot } from '../../src/thread/root.ts';
import { approvedPlan } from '../store/rig.ts';
import { expectNothingAlive, expectWithinLimits, textsOf } from './limits.ts';
import { anyRun, sampleRun } from './samples.ts';

const SERIAL = { serial: [{ count: 1 }, { count: 5 }, { percent: 20 }] } as const;
const planOf = (rollout: Plan['rollout'], more: Partial<Plan> = {}): Plan => ({
  ...approvedPlan({ hosts: 20, ...(rollout === undefined ? {} : { rollout }) }),
  ...more,
});

describe('a rollout in words', () => {
  test('says how many at a time, how long between, and how many may fail', () => {
    expect(describeRollout(planOf({ ...SERIAL, waitMs: 30_000, maxFail: { percent: 10 } }))).toEqual([
      'batches of 1, 5, 4, 4, 4, 2',
      '30.0 s between batches',
      'at most 2 of 20 may fail',
    ]);
    expect(describeRollout(planOf({ ...SERIAL, canary: 2, maxFail: { count: 0 } }))).toEqual([
      'a canary of 2, then batches of 1, 5, 4, 4, 4',
      'none of 20 may fail',
    ]);
    expect(describeRollout(planOf({ serial: [{ count: 1 }, { count: 4 }] }))).toEqual([
      'batches of 1, 4 (4 times), 3',
    ]);
    expect(describeRollout(planOf({ canary: 1 }))).toEqual(['a canary of 1, then the other 19']);
    expect(describeRollout(planOf(undefined))).toEqual([]);
  });

  test('says which hosts were picked, of how many, and in which order they come', () => {
    const picked = { of: 40, disabled: 0 };
    expect(describeRollout(planOf(undefined, { picked }))).toEqual(['the first 20 of 40 hosts']);
    expect(describeRollout(planOf(undefined, { picked: { of: 40, disabled: 2 }, order: 'random' }))).toEqual([
      '20 of 40 hosts by chance, 2 of them disabled',
      'in an order by chance',
    ]);
    expect(describeRollout(planOf(undefined, { order: 'sorted' }))).toEqual(['by name']);
    const header = (order: Plan['order']): string =>
      formatLogHeader(
        sampleRun({ plan: planOf(undefined, order && { order }) }),
        20,
        Number.POSITIVE_INFINITY,
        0,
      );
    expect(header(undefined)).toContain('\n20 hosts, in the order of the inventory\n');
    expect(header('reverse')).toContain('\n20 hosts, the last of the inventory first\n');
  });

  test('lists the batches with their hosts, as far as anybody reads', () => {
    expect(listBatches(planOf({ ...SERIAL, canary: 2 }))).toEqual([
      'canary: web[01-02] (2); then it waits for Continue',
      'batch 1 of 5: web03',
      'batch 2 of 5: web[04-08] (5)',
      'batch 3 of 5: web[09-12] (4)',
      'batch 4 of 5: web[13-16] (4)',
      'batch 5 of 5: web[17-20] (4)',
    ]);
    const many = listBatches(planOf({ serial: [{ count: 1 }] }));
    expect(many).toHaveLength(9);
    expect(many.at(-1)).toBe('… and 12 more');
    expect(listBatches(planOf({ maxFail: { count: 1 } }))).toEqual([]);
  });

  test('points out a canary that stops for nobody, and more picked than there are', () => {
    expect(noteRollout(planOf({ canary: 20 }), {})).toEqual([
      '-canary 20 takes in all 20 hosts: nothing waits for Continue.',
    ]);
    expect(noteRollout(planOf({ canary: 19 }), {})).toEqual([]);
    expect(noteRollout(planOf(undefined, { picked: { of: 20, disabled: 0 } }), { pick: 50 })).toEqual([
      '-pick 50 is more than there are: all 20 hosts that are not disabled.',
    ]);
  });
});

describe('where a rollout stands', () => {
  const run = (stand: Partial<RolloutStand>, more: Partial<Run> = {}): Run =>
    sampleRun({
      plan: planOf({ ...SERIAL, canary: 2, waitMs: 30_000, maxFail: { count: 1 } }),
      progress: { queued: 12, running: 2, settled: { ok: 5, failed: 1 } },
      rollout: { phase: 'running', batch: 3, failures: 1, later: 12, ...stand },
      ...more,
    });
  const rootOf = (one: Run): string => textsOf(formatRoot(one, { now: 1_000_400 })).join('\n');
  const stateOf = (one: Run): string => textsOf(formatRuns([one], 1_000_400)).join('\n');
  const queueOf = (one: Run): string =>
    textsOf(formatQueue([{ run: one, waits: undefined, longest: undefined }], new Set(), 1_000_400)).join(
      '\n',
    );

  test('is the batch, and how many hosts come after it', () => {
    expect(rootOf(run({}))).toContain('\nBatch 2 of 5, 12 hosts after it.\n');
    expect(rootOf(run({ batch: 1, later: 18 }))).toContain('\nCanary, 18 hosts after it.\n');
    expect(stateOf(run({}))).toContain('12 waiting · 1 failed · batch 2 of 5, 12 hosts after it');
    expect(queueOf(run({}))).toContain('12 waiting for the end of batch 2 of 5');
    expect(queueOf(run({}))).not.toContain('about to start');
    expect(queueOf(run({ batch: 1 }))).toContain('12 waiting for what comes of the canary');
  });

  test('is when the next batch begins, where one waits for its time', () => {
    const waiting = run({ phase: 'waiting', nextAt: Date.UTC(2026, 11, 1, 14, 3, 20) });
    const moment = '<!date^1796133800^{time_secs}|2026-12-01T14:03:20.000Z>';
    expect(rootOf(waiting)).toContain(`Batch 2 of 5 has ended; batch 3 of 5 begins at ${moment}.`);
    const soon = run({ phase: 'waiting', nextAt: 1_012_800 });
    expect(stateOf(soon)).toContain('batch 2 of 5 has ended; batch 3 of 5 begins in 12.4 s');
    expect(queueOf(waiting)).toContain(`12 waiting for batch 3 of 5, which begins at ${moment}`);
    // Held, it does not begin by itself, whatever the time says.
    const held = run({ phase: 'waiting', nextAt: 1_012_800 }, { held: 'the bot was away for 3 h' });
    expect(rootOf(held)).toContain('batch 3 of 5 begins once somebody lets the run go');
    expect(rootOf(held)).not.toContain('begins in');
  });

  test('is what came of the canary, and who is waited for', () => {
    const held = 'the canary has ended: 1 ok, 1 failed';
    const paused = run(
      { phase: 'paused', batch: 1 },
      { held, progress: { queued: 18, running: 0, settled: { ok: 1, failed: 1 } } },
    );
    expect(rootOf(paused)).toContain('*The canary has ended: 1 ok, 1 failed.* 18 hosts wait for _Continue_.');
    expect(rootOf(paused)).not.toContain('does not start by itself');
    const until = run(
      { phase: 'paused', batch: 1, answerBy: 4_600_400 },
      { held, progress: { queued: 18, running: 0, settled: { ok: 1, failed: 1 } } },
    );
    expect(rootOf(until)).toMatch(/18 hosts wait for _Continue_ until <!date\^4600\^.*>, or are skipped\./);
    expect(stateOf(until)).toContain(`${held}; without an answer the rest is skipped in 1 h`);
    expect(stateOf(paused)).toContain(` · ${held}`);
    expect(queueOf(paused)).toContain(`18 waiting: ${held}. _Continue_ below its message lets them go`);
  });

  test('is why it was stopped, also once it has ended', () => {
    const why = 'too many failures: 2 of 20 hosts did not end ok; at most 1 may (-maxfail 1)';
    const stopped = run(
      { phase: 'stopped', failures: 2 },
      { progress: { queued: 0, running: 3, settled: { failed: 2, skipped: 15 } } },
    );
    expect(rootOf(stopped)).toContain(`*Stopped for ${why}; 3 that run go on.*`);
    const ended = run(
      { phase: 'stopped', failures: 2 },
      { state: 'finished', progress: { queued: 0, running: 0, settled: { ok: 3, failed: 2, skipped: 15 } } },
    );
    expect(rootOf(ended)).toContain(`*Stopped for ${why}.*`);
    expect(stateOf(ended)).toContain(`stopped for ${why}`);
  });

  test('is nothing where all go at once, and nothing any more where the run has ended', () => {
    const progress = { queued: 0, running: 0, settled: { ok: 20 } };
    expect(rootOf(run({ batch: 6, later: 0 }, { state: 'finished', progress }))).not.toContain('Batch');
    const once = run({ batch: 1, later: 0 }, { plan: planOf({ maxFail: { count: 1 } }) });
    expect(rootOf(once)).not.toContain('Batch');
  });

  test('obeys every limit and holds nothing alive, whatever is stored', () => {
    const anyStand = fc.record({
      phase: fc.constantFrom('running' as const, 'paused' as const, 'waiting' as const, 'stopped' as const),
      batch: fc.nat(9),
      failures: fc.nat(),
      later: fc.nat(),
    });
    fc.assert(
      fc.property(anyRun, anyStand, fc.string(), (any, rollout, held) => {
        const plan = { ...any.plan, rollout: { serial: [{ count: 1 }] as const, canary: 1 } };
        const message = formatRoot({ ...any, plan, rollout, held }, { now: 2_000_000 });
        expectWithinLimits(message);
        expectNothingAlive(message, ['<@U0OPS>', '<@U0BOSS>', '<#C0OPS>']);
        const preview = formatPreview(plan, undefined, []);
        expectWithinLimits(preview);
      }),
      { numRuns: 200 },
    );
  });
});
