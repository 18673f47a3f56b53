import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Refusal } from '../../src/errors.ts';
import { formatRefusal } from '../../src/report/answers.ts';
import { formatCopyForm, formatRunForm, formatWindow } from '../../src/report/views/form.ts';
import { formatClosedHome, formatHome } from '../../src/report/views/home.ts';
import type { HomeTab, Modal } from '../../src/report/views/view.ts';
import { findViewFault } from '../../src/sandbox/slack/blocks/views.ts';
import { anyRun, anyText, samplePlan } from './samples.ts';

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
          const home = formatHome({ fleet, rights, mine: runs, others: runs, otherBot, now: 2_000_000 });
          expectTaken(home);
          expect(home.blocks.length).toBeLessThanOrEqual(100);
          expect(JSON.stringify(home)).not.toMatch(/<!(?:channel|here|everyone)/);
        },
      ),
      { numRuns: 40 },
    );
  });

  test('tells nothing to who is in no rule', () => {
    const home = formatClosedHome(
      new Refusal('not-allowed', 'No rule names you.', { remedy: 'Ask <them>.' }),
    );
    expectTaken(home);
    expect(JSON.stringify(home)).toContain('No rule names you. Ask &lt;them&gt;.');
  });
});
