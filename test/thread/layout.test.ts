import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bareOutcome, NO_OUTPUT, type Outcome } from '../../src/run/outcome.ts';
import type { Plan } from '../../src/run/plan.ts';
import { oweEnd, oweLog, oweProgress, oweResults } from '../../src/thread/layout.ts';
import { formatKey, parseKey, type RowSubject } from '../../src/thread/row.ts';
import { approvedPlan } from '../store/rig.ts';

const AT = 1_000_000;
const runId = 'r-7k3f';
const ok = bareOutcome('ok', '');
const long: Outcome = { ...ok, stdout: { ...NO_OUTPUT, head: 'x'.repeat(2_000), totalBytes: 2_000 } };
const thread = (hosts: number, more: Partial<Plan> = {}) => ({
  runId,
  plan: approvedPlan({ hosts, ...more }),
});
const settled = (host: string, outcome: Outcome, position = 0) => ({ host, position, outcome });
const keysOf = (rows: readonly { readonly key: string }[]) => rows.map(({ key }) => key);

describe('the layout of a thread', () => {
  test('up to ten hosts get a reply each, and a file behind it where the output is long', () => {
    const rows = oweResults(thread(10), [settled('a', ok), settled('b', long, 1)], AT);
    expect(rows.map(({ key, sends, position, joins }) => [key, sends, position, joins])).toEqual([
      [`reply:${runId}:a`, 'message', 0, runId],
      [`reply:${runId}:b`, 'message', 1, runId],
      [`file:${runId}:b`, 'file', 1, null],
    ]);
  });

  test('of more hosts, or where folding was asked for, only the first page of the board is behind', () => {
    for (const of of [thread(11), thread(2, { fold: 'exact' }), thread(2, { diff: true })]) {
      expect(oweResults(of, [settled('a', long)], AT)).toEqual([
        {
          key: `board:${runId}:1`,
          sends: 'message',
          position: 1,
          joins: null,
          dueAt: AT + 1_000,
          editBy: AT + 5_000,
        },
      ]);
    }
  });

  test('a run’s end is due at once, with every page and both files of a board', () => {
    expect(keysOf(oweEnd(thread(3), [], AT))).toEqual([`root:${runId}`]);
    const rows = oweEnd(thread(11), ['h1'], AT);
    expect(keysOf(rows)).toEqual([
      `root:${runId}`,
      ...[1, 2, 3, 4].map((page) => `board:${runId}:${page}`),
      `log:${runId}:text`,
      `log:${runId}:json`,
      `log:${runId}:host h1`,
    ]);
    expect(rows.every(({ dueAt, editBy }) => dueAt === AT && editBy === AT)).toBe(true);
  });

  test('a count may be a second old', () => {
    expect(oweProgress(runId, AT)).toMatchObject([{ key: `root:${runId}`, editBy: AT + 1_000 }]);
  });

  test('no more than ten hosts put what is on disk into the thread', () => {
    const hosts = Array.from({ length: 30 }, (_, n) => `h${n}`);
    expect(oweLog(runId, hosts, AT)).toHaveLength(2 + 10);
  });
});

test('a key reads back as what it was made of, whatever a host is called', () => {
  const host = fc.string({ minLength: 1, unit: 'grapheme' });
  const subject: fc.Arbitrary<RowSubject> = fc.oneof(
    fc.record({ kind: fc.constantFrom('reply', 'file', 'spooled'), runId: fc.constant(runId), host }),
    fc.record({ kind: fc.constant('board'), runId: fc.constant(runId), page: fc.nat(9) }),
    fc.record({ kind: fc.constant('log'), runId: fc.constant(runId), form: fc.constantFrom('text', 'json') }),
    fc.record({ kind: fc.constant('root'), runId: fc.constant(runId) }),
    fc.record({ kind: fc.constant('audit'), seq: fc.nat() }),
  );
  fc.assert(
    fc.property(subject, (one) => {
      expect(parseKey(formatKey(one))).toEqual(one);
    }),
  );
});
