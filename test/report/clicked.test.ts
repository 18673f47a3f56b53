import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  AGAIN_ACTION,
  CANCEL_ACTION,
  CANCEL_HOST_ACTION,
  countRetried,
  ERRORS_ACTION,
  LOG_ACTION,
  RETRY_ACTION,
  runButtons,
  runOfBlock,
  SHOW_HOST_ACTION,
} from '../../src/report/buttons.ts';
import { formatErrors, formatLogPointer, MAX_TROUBLES } from '../../src/report/click-answers.ts';
import type { Message } from '../../src/report/message.ts';
import type { Run } from '../../src/run/run.ts';
import { findBlockFault } from '../../src/sandbox/slack/blocks/message-blocks.ts';
import { boxesOf, expectNothingAlive, expectWithinLimits, textsOf } from './limits.ts';
import { anyOutcome, anyRun, anyText, sampleOutcome, samplePlan, sampleRun, streamOf } from './samples.ts';

/** By the strict local Slack too, which knows more of Slack's rules than our own list. */
function expectTaken(message: Message): void {
  expectWithinLimits(message);
  expect(findBlockFault(JSON.parse(JSON.stringify(message.blocks)), { surface: 'message' })).toBeNull();
}

function actionsOf(run: Run): readonly string[] {
  return runButtons(run).flatMap((block) =>
    block.type === 'actions' ? block.elements.map((element) => element.action_id) : [],
  );
}

const targets = ['web01', 'web02'].map((host) => ({ host, ip: '10.0.0.1', port: 22, user: 'root' }));
const [first = { host: 'web01', ip: '', port: 22, user: '' }, ...rest] = targets;
const two = samplePlan({ targets: [first, ...rest] });

describe('the buttons of a run', () => {
  test('stop it while it goes on, as a whole or one host, and not twice, and show what a host says', () => {
    expect(actionsOf(sampleRun())).toEqual([CANCEL_ACTION, SHOW_HOST_ACTION]);
    expect(actionsOf(sampleRun({ plan: two }))).toEqual([
      CANCEL_ACTION,
      CANCEL_HOST_ACTION,
      SHOW_HOST_ACTION,
    ]);
    const cancelledBy = { teamId: 'T0TEAM', userId: 'U0BOSS' };
    expect(actionsOf(sampleRun({ plan: two, cancelledBy }))).toEqual([]);
  });

  test('offer what there is to look at once it has ended, and a retry only where something failed', () => {
    const ended = (settled: Run['progress']['settled']) =>
      actionsOf(sampleRun({ state: 'finished', progress: { queued: 0, running: 0, settled } }));
    expect(ended({ ok: 2 })).toEqual([SHOW_HOST_ACTION, LOG_ACTION, AGAIN_ACTION]);
    expect(ended({ ok: 1, failed: 1 })).toEqual([
      ERRORS_ACTION,
      SHOW_HOST_ACTION,
      LOG_ACTION,
      RETRY_ACTION,
      AGAIN_ACTION,
    ]);
    // Whether it ran there nobody knows: that is repeated by its name only.
    expect(ended({ lost: 1, interrupted: 1 })).not.toContain(RETRY_ACTION);
  });

  test('name the number of hosts before a retry', () => {
    const progress = { queued: 0, running: 0, settled: { ok: 5, failed: 2, 'not-run': 1, lost: 4 } };
    const run = sampleRun({ state: 'finished', progress });
    expect(countRetried(run)).toBe(3);
    expect(JSON.stringify(runButtons(run))).toContain('Retry on 3 hosts?');
  });

  test('count for a retry only what would run: of a disabled host it would be skipped again', () => {
    const target = (host: string, skip?: string) => ({
      host,
      ip: '10.0.0.1',
      port: 22,
      user: 'root',
      ...(skip === undefined ? {} : { skip }),
    });
    const plan = samplePlan({
      targets: [target('web01'), target('web02', 'disabled in the inventory'), target('web03')],
    });
    const words = (settled: Run['progress']['settled']) =>
      JSON.stringify(
        runButtons(sampleRun({ plan, state: 'finished', progress: { queued: 0, running: 0, settled } })),
      );
    const failed = words({ failed: 2, skipped: 1 });
    expect(failed).toContain('Retry failed (2)');
    expect(failed).toContain('Retry on 2 hosts?');
    expect(failed).toContain('Run again on 2 hosts?');
    expect(words({ ok: 2, skipped: 1 })).not.toContain('Retry failed');
    // One that was skipped for another reason would run.
    expect(words({ ok: 1, skipped: 2 })).toContain('Retry failed (1)');
  });

  test('are taken by Slack for any run, and their block tells the run', () => {
    fc.assert(
      fc.property(anyRun, (run) => {
        const blocks = runButtons(run);
        if (blocks.length > 0) expectTaken({ text: 'x', blocks });
        for (const block of blocks) {
          expect(block.type === 'actions' && runOfBlock(block.block_id ?? '')).toBe(run.id);
        }
      }),
    );
    expect(runOfBlock('something else')).toBeUndefined();
  });
});

describe('Only errors', () => {
  test('tells each bundle with the end of what it said', () => {
    const outcome = sampleOutcome({
      kind: 'failed',
      exitCode: 2,
      stdout: streamOf('fine so far\n'),
      stderr: streamOf('no space left\n'),
    });
    const message = formatErrors(sampleRun(), [{ hosts: ['web01', 'web02', 'web03'], outcome }]);
    expect(textsOf(message).join('\n')).toMatch(/3 hosts not ok[\s\S]*web\[01-03\] \(3\)[\s\S]*exit 2/);
    expect(boxesOf(message)).toEqual(['no space left']);
  });

  test('says of one host that it is one, and of none that all is told', () => {
    const trouble = { hosts: ['web01'] as const, outcome: sampleOutcome({ kind: 'failed', exitCode: 1 }) };
    const told = (left: number) =>
      textsOf(
        formatErrors(
          sampleRun(),
          [{ ...trouble, hosts: ['web01'] }],
          [{ hosts: ['db1'] as [string] }, { hosts: ['db2'] as [string] }].slice(0, left),
        ),
      ).join('\n');
    expect(told(0)).not.toContain('more host');
    expect(told(1)).toContain('… and 1 more host: the thread has');
    expect(told(2)).toContain('… and 2 more hosts: the thread has');
  });

  test('obeys every limit, keeps nothing alive and counts every host, whatever they said', () => {
    const trouble = fc.record({
      hosts: fc
        .tuple(anyText, fc.array(anyText, { maxLength: 5 }))
        .map(([one, more]): [string, ...string[]] => [one, ...more]),
      outcome: anyOutcome,
    });
    const others = fc.array(
      fc.nat(5_000).map((n): [string] => [`db${n}`]),
      { maxLength: 50 },
    );
    fc.assert(
      fc.property(fc.array(trouble, { maxLength: MAX_TROUBLES }), others, (troubles, left) => {
        const more = left.map((hosts) => ({ hosts }));
        const message = formatErrors(sampleRun(), troubles, more);
        expectTaken(message);
        expectNothingAlive(message);
        const total = [...troubles, ...more].reduce((sum, { hosts }) => sum + hosts.length, 0);
        const [title = ''] = textsOf(message);
        expect(title).toContain(total === 0 ? 'is ok' : `${total.toLocaleString('en-US')} host`);
      }),
      { numRuns: 60 },
    );
  });
});

test('Full log points to the thread only by an address of Slack', () => {
  const link = 'https://acme.slack.com/archives/C0OPS/p1';
  expect(JSON.stringify(formatLogPointer(sampleRun(), true, link))).toContain(`<${link}|Go to the thread>`);
  expectNothingAlive(formatLogPointer(sampleRun(), true, 'https://evil.example/|x> <!channel>'));
  expectTaken(formatLogPointer(sampleRun(), false, undefined));
});
