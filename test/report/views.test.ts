import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Refusal } from '../../src/errors.ts';
import { formatRefusal } from '../../src/report/answers.ts';
import { formatCopyForm, formatRunForm, formatWindow } from '../../src/report/views/form.ts';
import { formatClosedHome, formatHome } from '../../src/report/views/home.ts';
import type { HomeTab, Modal } from '../../src/report/views/view.ts';
import type { Run } from '../../src/run/run.ts';
import { findViewFault } from '../../src/sandbox/slack/blocks/views.ts';
import { anyRun, anyText, samplePlan, sampleRun } from './samples.ts';

/** By the strict local Slack, which refuses as Slack does. */
function expectTaken(view: Modal | HomeTab): void {
  expect(findViewFault(JSON.parse(JSON.stringify(view)))).toBeNull();
  expect(JSON.stringify(view).length).toBeLessThan(250_000);
}

const ROLLOUT = ['serial', 'canary', 'maxfail', 'wait', 'order', 'pick'];

const blockIds = (view: Modal) =>
  view.blocks.flatMap((block) => (block.type === 'input' ? [block.block_id] : []));

describe('the form', () => {
  test('asks for all of a run, and says Preview before it says Run', () => {
    const empty = formatRunForm({ channelId: 'C0OPS', metadata: '{}' });
    expect(blockIds(empty)).toEqual([
      'hosts',
      'terms',
      'command',
      'script',
      'channel',
      'fanout',
      'limit',
      'results',
      'sudo',
      'env',
      'stdin',
      ...ROLLOUT,
    ]);
    expect(empty.submit?.text).toBe('Preview');
    const judged = formatRunForm({ metadata: '{}', preview: [samplePlan(), undefined, []] });
    expect(judged.submit?.text).toBe('Run on 1 host');
    // What was filled in stays only where the blocks keep their names.
    expect(blockIds(judged)).toEqual(blockIds(empty));
    const refused = [samplePlan(), new Refusal('not-allowed', 'no'), []] as const;
    expect(formatRunForm({ metadata: '{}', preview: [...refused] }).submit?.text).toBe('Preview');
  });

  test('with a file of Slack asks for no other file', () => {
    const form = formatCopyForm({ metadata: '{}', file: { name: 'a.txt', bytes: 12 } });
    expect(blockIds(form)).toEqual([
      'hosts',
      'terms',
      'remote',
      'channel',
      'fanout',
      'limit',
      'copy-options',
      ...ROLLOUT,
    ]);
    expect(form.title.text).toBe('Send to hosts');
  });

  test('is taken by Slack whatever the plan and the file are called', () => {
    fc.assert(
      fc.property(anyRun, anyText, fc.array(anyText, { maxLength: 8 }), (run, name, notes) => {
        const preview: [typeof run.plan, undefined, string[]] = [run.plan, undefined, notes];
        expectTaken(formatRunForm({ metadata: '{}', preview }));
        expectTaken(formatCopyForm({ metadata: '{}', file: { name, bytes: 12 }, preview }));
        expectTaken(formatWindow(formatRefusal(new Refusal('usage', name, { remedy: name }), name)));
      }),
      { numRuns: 60 },
    );
  });
});

describe('the Home tab', () => {
  const group = fc.record({ name: anyText, hosts: fc.nat(10_000) });
  const rule = fc.record({
    rule: anyText,
    actions: fc.array(fc.constantFrom('run', 'put', 'get', 'cancel', 'audit'), { minLength: 1 }),
    hosts: fc.array(anyText, { maxLength: 40 }),
    channels: fc.oneof(fc.constant('*' as const), fc.array(anyText, { maxLength: 20 })),
    limits: anyText,
  });
  const listed = fc.record({
    run: anyRun,
    link: fc.option(fc.oneof(anyText, fc.webUrl()), { nil: undefined }),
  });

  test('is taken by Slack whatever the fleet, the rules and the runs are', () => {
    fc.assert(
      fc.property(
        fc.array(group, { maxLength: 60 }),
        fc.array(anyText, { maxLength: 60 }),
        fc.array(rule, { maxLength: 20 }),
        fc.array(listed, { maxLength: 8 }),
        fc.option(fc.record({ wroteAt: fc.nat(), channelId: anyText }), { nil: undefined }),
        (groups, disabled, rights, runs, otherBot) => {
          const fleet = { hosts: 10_000, disabled, groups };
          const lists = { open: runs, openCount: 20, mine: runs, others: runs };
          const home = formatHome({ fleet, rights, ...lists, otherBot, now: 2_000_000 });
          expectTaken(home);
          expect(home.blocks.length).toBeLessThanOrEqual(100);
          expect(JSON.stringify(home)).not.toMatch(/<!(?:channel|here|everyone)/);
        },
      ),
      { numRuns: 40 },
    );
  });

  test('says first what runs, what waits for a person, and what went wrong within the hour', () => {
    const now = 10_000_000;
    const ended = (id: string, finishedAt: number, settled: Run['progress']['settled']) =>
      sampleRun({ id, state: 'finished', finishedAt, progress: { queued: 0, running: 0, settled } });
    const waits = {
      state: 'open',
      held: 'the canary has ended: 2 ok',
      progress: { queued: 6, running: 0, settled: { ok: 2 } },
    } as const;
    const stand = { phase: 'paused', batch: 1, failures: 0, later: 6 } as const;
    const home = formatHome({
      fleet: { hosts: 2, disabled: [], groups: [] },
      rights: [],
      open: [
        { run: sampleRun({ id: 'r-canary', ...waits, rollout: stand }), link: 'https://x.test/p1' },
        { run: sampleRun({ id: 'r-held', ...waits }), link: undefined },
      ],
      openCount: 3,
      mine: [
        { run: ended('r-bad', now - 60_000, { ok: 1, failed: 1 }), link: 'https://x.test/p2' },
        { run: ended('r-old', now - 4_000_000, { failed: 1 }), link: undefined },
      ],
      others: [{ run: ended('r-good', now - 60_000, { ok: 2, skipped: 1 }), link: undefined }],
      otherBot: undefined,
      now,
    });
    const text = JSON.stringify(home);
    expect(text).toMatch(
      /"Now".*r-canary: [^*]* · waits for Continue\*.*r-held: [^*]* · held: waits for Run the rest\*.*The fleet.*My recent runs/,
    );
    expect(text).toContain('… and 1 more that have not ended');
    const failed = /Not all ok within the last hour.*?My recent runs/.exec(text)?.[0] ?? '';
    expect(failed).toContain('r-bad: 1 ok, 1 failed of 2');
    expect(failed).not.toMatch(/r-old|r-good/);
  });

  test('tells nothing to who is in no rule', () => {
    const home = formatClosedHome(
      new Refusal('not-allowed', 'No rule names you.', { remedy: 'Ask <them>.' }),
    );
    expectTaken(home);
    expect(JSON.stringify(home)).toContain('No rule names you. Ask &lt;them&gt;.');
  });
});
