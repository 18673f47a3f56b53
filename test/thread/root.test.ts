import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CANCEL_ACTION } from '../../src/report/buttons.ts';
import type { Message } from '../../src/report/message.ts';
import { formatRoot } from '../../src/thread/root.ts';
import { boxesOf, expectNothingAlive, expectWithinLimits, textsOf } from '../report/limits.ts';
import { anyRun, samplePlan, sampleRun } from '../report/samples.ts';

const MENTIONS = ['<@U0OPS>', '<@U0BOSS>', '<#C0OPS>'];
const wordsOf = (message: Message) => textsOf(message).join('\n');

describe('the root message', () => {
  test('says who does what where, counts while it runs, and can be cancelled', () => {
    const message = formatRoot(
      sampleRun({ progress: { queued: 20, running: 8, settled: { ok: 11, failed: 1 } } }),
      { now: 1_000_400 },
    );
    expect(wordsOf(message)).toContain('*r-7k3f* · <@U0OPS> runs on 1 host: web01');
    expect(boxesOf(message)).toEqual(['df -h']);
    expect(wordsOf(message)).toContain('12 of 40 done · 8 running · 20 waiting · 1 failed');
    expect(message.blocks.at(-1)).toMatchObject({
      type: 'actions',
      elements: [
        { action_id: CANCEL_ACTION, value: 'r-7k3f', style: 'danger', confirm: {} },
        { action_id: 'batchops_show_host' },
      ],
    });
    expect(message.live).toBeDefined();
  });

  test('shows how far it is, since when, and what it waits for', () => {
    const message = formatRoot(sampleRun({ progress: { queued: 20, running: 10, settled: { ok: 10 } } }), {
      now: 1_012_400,
      slowest: [{ host: 'web07', startedAt: 1_000_400 }],
    });
    expect(wordsOf(message)).toContain('▰▰▰▰▰▱▱▱▱▱▱▱▱▱▱▱▱▱▱▱ 25 %');
    expect(wordsOf(message)).toContain('12.0 s so far');
    expect(wordsOf(message)).toContain('running longest: web07 12.0 s');
  });

  test('ends as a summary in fixed order, without a way to cancel', () => {
    const message = formatRoot(
      sampleRun({
        state: 'finished',
        finishedAt: 1_012_400,
        progress: { queued: 0, running: 0, settled: { unreachable: 1, 'timed-out': 1, failed: 1, ok: 97 } },
      }),
      { now: 9_999_999 },
    );
    expect(message.text).toContain('r-7k3f: 97 ok, 1 failed, 1 timed out, 1 unreachable of 100 in 12.4 s');
    expect(JSON.stringify(message.blocks)).not.toContain(CANCEL_ACTION);
    expect(message.live).toBeUndefined();
  });

  test('does not say that somebody ran what never started', () => {
    const progress = { queued: 0, running: 0, settled: { skipped: 1 } };
    const run = sampleRun({ state: 'finished', finishedAt: 1_000_000, rootTs: '1.000001', progress });
    const none = formatRoot(run, { now: 1_000_000 });
    expect(JSON.stringify(none)).toContain('<@U0OPS> ran nothing on 1 host: web01');
  });

  test('of a run that was given up names no cause: Slack was silent, or the bot had ended', () => {
    const progress = { queued: 0, running: 0, settled: { skipped: 1 } };
    const run = sampleRun({ state: 'finished', finishedAt: 1_000_000, progress });
    const shown = JSON.stringify(formatRoot(run, { now: 1_000_000 }));
    expect(shown).toContain('<@U0OPS> wanted to run on 1 host: web01');
    expect(shown).toContain('*Given up before it began: nothing was sent to any host.*');
  });

  test('says who cancelled and what it repeats', () => {
    const message = formatRoot(
      sampleRun({
        cancelledBy: { teamId: 'T0TEAM', userId: 'U0BOSS' },
        plan: samplePlan({ retryOf: 'r-1aaa' }),
      }),
      { now: 0 },
    );
    expect(wordsOf(message)).toContain('being cancelled by <@U0BOSS>');
    expect(wordsOf(message)).toContain('again, after r-1aaa');
    expect(JSON.stringify(message.blocks)).not.toContain(CANCEL_ACTION);
  });

  test('shows a copy with both its ends', () => {
    const source = { bytes: 12_595, sha256: 'ab'.repeat(32) };
    const message = formatRoot(
      sampleRun({ plan: samplePlan({ work: { action: 'put', local: 'a.py', remote: '/tmp/', source } }) }),
      { now: 0 },
    );
    expect(boxesOf(message)).toEqual(['put a.py → /tmp/']);
    expect(wordsOf(message)).toContain('12.3 KiB');
  });

  test('obeys every limit and holds nothing alive, whatever was typed', () => {
    fc.assert(
      fc.property(anyRun, (run) => {
        const message = formatRoot(run, { now: 2_000_000 });
        expectWithinLimits(message);
        expectNothingAlive(message, MENTIONS);
      }),
      { numRuns: 400 },
    );
  });
});
