import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Bundle, type FoldRow, foldResults } from '../../../src/gather/fold.ts';
import type { Message } from '../../../src/report/message.ts';
import type { Outcome } from '../../../src/run/outcome.ts';
import type { Run } from '../../../src/run/run.ts';
import { formatBoard, planBoard } from '../../../src/thread/board/board.ts';
import { formatBundle } from '../../../src/thread/board/bundle.ts';
import { MAX_PAGES } from '../../../src/thread/layout.ts';
import { expectNothingAlive, expectWithinLimits, textsOf } from '../../report/limits.ts';
import { anyOutcome, sampleOutcome, samplePlan, sampleRun, streamOf } from '../../report/samples.ts';

function finishedRun(hosts: number, more: Partial<Run> = {}): Run {
  return sampleRun({
    plan: samplePlan(),
    state: 'finished',
    progress: { queued: 0, running: 0, settled: { ok: hosts } },
    ...more,
  });
}

const nameOf = (n: number): string => `web${String(n).padStart(5, '0')}`;

/** As the thread makes it: one host for each number, its outcome by which of the outcomes it has. */
function boardOf(
  outcomes: readonly Outcome[],
  picks: readonly number[],
  more: { run?: Run; maxPages?: number; diff?: boolean; firstContacts?: readonly string[] } = {},
): { pages: readonly Message[]; bundles: readonly Bundle[] } {
  const run = more.run ?? finishedRun(picks.length);
  const rows = picks.map((pick, n): FoldRow => {
    const outcome = outcomes[pick] ?? sampleOutcome();
    const { stdout, stderr } = outcome;
    return {
      host: nameOf(n),
      kind: outcome.kind,
      exitCode: outcome.exitCode,
      durationMs: outcome.durationMs,
      outputChars: stdout.head.length + stdout.tail.length + stderr.head.length + stderr.tail.length,
      fold: String(pick),
      firstKeys: 0,
    };
  });
  const pickOf = new Map(rows.map((row) => [row.host, Number(row.fold)]));
  const bundles = foldResults(rows);
  const maxPages = more.maxPages ?? MAX_PAGES;
  const { shown, rest, maxChars } = planBoard(bundles, maxPages);
  const outcomeOf = (bundle: Bundle): Outcome =>
    outcomes[pickOf.get(bundle.hosts[0]) ?? 0] ?? sampleOutcome();
  const [first] = bundles;
  const entries = shown.map((bundle) =>
    formatBundle(run, bundle, outcomeOf(bundle), {
      maxChars,
      where: { kept: 'in the file', spooled: 'in the file' },
      ...(more.diff && first !== undefined && bundle !== first
        ? { reference: { bundle: first, outcome: outcomeOf(first) } }
        : {}),
    }),
  );
  const { firstContacts = [] } = more;
  return { pages: formatBoard(run, { entries, rest, firstContacts, maxPages }), bundles };
}

test('hosts that were met for the first time are named on the first page of a board, which Slack still takes', () => {
  const outcomes = Array.from({ length: 30 }, (_, i) =>
    sampleOutcome({ stdout: streamOf(`${i} `.repeat(900)) }),
  );
  const picks = Array.from({ length: 400 }, (_, i) => i % 30);
  const firstContacts = picks.flatMap((_, n) => (n % 3 === 0 ? [nameOf(n)] : []));
  const { pages } = boardOf(outcomes, picks, { firstContacts });
  const texts = pages.map((page) => textsOf(page).join('\n'));
  expect(texts[0]).toMatch(
    /First contact with 134 hosts: web\[00000,.*The keys that they showed are in r-\w+\.txt/,
  );
  for (const text of texts.slice(1)) expect(text).not.toContain('First contact');
  for (const page of pages) expectWithinLimits(page);
  expect(boardOf(outcomes, picks).pages.flatMap(textsOf).join()).not.toContain('First contact');
});

function unfold(term: string): string[] {
  const [, prefix = '', list] = /^(web)(?:\[([\d,-]+)\]|\d+)$/.exec(term) ?? [];
  if (list === undefined) return [term];
  return list.split(',').flatMap((part) => {
    const [from = '', to = from] = part.split('-');
    const count = Number(to) - Number(from) + 1;
    return Array.from(
      { length: count },
      (_, n) => prefix + String(Number(from) + n).padStart(from.length, '0'),
    );
  });
}

/** The hosts that the bold titles and the lines below the board name; how many they leave to the count. */
function hostsNamed(pages: readonly Message[]): { names: string[]; counted: number } {
  const names: string[] = [];
  let counted = 0;
  for (const text of pages.flatMap(textsOf)) {
    const [set = ''] = text.split(/ and [\d,]+ more| \([\d,]+\)$/);
    const stripped = set.replace(/^[\d,]+ [a-z ]+: /, '');
    const more = / and ([\d,]+) more/.exec(text)?.[1];
    if (!/^web[\d[]/.test(stripped)) continue;
    for (const term of stripped.split(/,(?![^[]*\])/)) {
      names.push(...unfold(term));
    }
    counted += Number((more ?? '0').replaceAll(',', ''));
  }
  return { names, counted };
}

function expectEveryHostOnce(pages: readonly Message[], hosts: number): void {
  const { names, counted } = hostsNamed(pages);
  expect(new Set(names).size, 'a host is named twice').toBe(names.length);
  expect(names.length + counted).toBe(hosts);
}

describe('a board', () => {
  test('of two hundred hosts with three results and two dead ones is one page, trouble first', () => {
    const outcomes = [
      sampleOutcome({ stdout: streamOf('nginx 1.24\n') }),
      sampleOutcome({ stdout: streamOf('nginx 1.22\n') }),
      sampleOutcome({ kind: 'failed', exitCode: 127, stderr: streamOf('nginx: not found\n') }),
      sampleOutcome({ kind: 'unreachable', exitCode: null, reason: 'no answer' }),
    ];
    const picks = Array.from({ length: 200 }, (_, n) => (n === 7 || n === 90 ? 3 : n % 50 === 3 ? 2 : n % 2));
    const { pages } = boardOf(outcomes, picks);
    expect(pages).toHaveLength(1);
    const [page] = pages;
    if (page === undefined) throw new Error('no page');
    expectWithinLimits(page);
    const text = textsOf(page).join('\n');
    expect(text).toContain('200 hosts, 4 different results');
    expect(text.indexOf('not found')).toBeLessThan(text.indexOf('no answer'));
    expect(text.indexOf('no answer')).toBeLessThan(text.indexOf('nginx 1.24'));
    expect(text).toContain('web[00007,00090] (2)');
    expectEveryHostOnce(pages, 200);
  });

  test('names every host once and obeys every limit, whatever the hosts said', () => {
    fc.assert(
      fc.property(
        fc.array(anyOutcome, { minLength: 1, maxLength: 12 }),
        fc.array(fc.nat(11), { minLength: 1, maxLength: 150 }),
        fc.constantFrom(1, MAX_PAGES),
        fc.boolean(),
        (outcomes, picks, maxPages, diff) => {
          const quiet = outcomes.map((outcome) => ({
            ...outcome,
            reason: outcome.reason.replace(/web/g, 'w'),
          }));
          const { pages } = boardOf(
            quiet,
            picks.map((pick) => pick % quiet.length),
            { maxPages, diff },
          );
          expect(pages.length).toBeGreaterThan(0);
          expect(pages.length).toBeLessThanOrEqual(maxPages);
          for (const page of pages) {
            expectWithinLimits(page);
            expectNothingAlive(page);
            expect(JSON.stringify(page.blocks).length).toBeLessThanOrEqual(15_561);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  test.each([11, 100, 1_000, 10_000])(
    'of %i hosts that all said something else loses and doubles none',
    (hosts) => {
      const outcomes = Array.from({ length: hosts }, (_, n) =>
        sampleOutcome({
          kind: n % 97 === 5 ? 'failed' : 'ok',
          exitCode: n % 97 === 5 ? 1 : 0,
          stdout: streamOf(`load average: ${n}\n${'x'.repeat(n % 700)}\n`),
        }),
      );
      const { pages } = boardOf(
        outcomes,
        outcomes.map((_, n) => n),
      );
      expect(pages.length).toBeLessThanOrEqual(MAX_PAGES);
      for (const page of pages) {
        expectWithinLimits(page);
        expect(JSON.stringify(page.blocks).length).toBeLessThanOrEqual(15_561);
      }
      expectEveryHostOnce(pages, hosts);
      if (hosts > 500) {
        expect(textsOf(pages.at(-1) ?? { text: '', blocks: [] }).join('\n')).toMatch(
          /Not shown here, but in r-7k3f\.txt and r-7k3f\.jsonl in this thread/,
        );
      }
    },
  );

  test('shows ten megabytes in one line as far as they were kept, and says what is left out', () => {
    const line = 'x'.repeat(32 * 1024);
    const outcome = sampleOutcome({
      stdout: streamOf(line, {
        tail: line,
        totalBytes: 10 * 1024 * 1024,
        omittedBytes: 10 * 1024 * 1024 - 65_536,
      }),
    });
    const { pages } = boardOf(
      [outcome],
      Array.from({ length: 20 }, () => 0),
    );
    expect(pages).toHaveLength(1);
    for (const page of pages) expectWithinLimits(page);
    expect(pages.flatMap(textsOf).join('\n')).toMatch(/9\.9 MiB of 10\.0 MiB left out here.*in the file/s);
  });

  test('shows shorter what its last page has no room for, and leaves it not out', () => {
    const outcomes = ['a', 'b'].map((char) =>
      sampleOutcome({ stdout: streamOf(`${char.repeat(69)}\n`.repeat(110)) }),
    );
    const { pages } = boardOf(outcomes, [0, 1], { maxPages: 2 });
    expect(pages).toHaveLength(2);
    expect(pages.flatMap(textsOf).join('\n')).not.toContain('Not shown here');
    expectEveryHostOnce(pages, 2);
  });

  test('of a run that goes on has one page, and says that more is to come', () => {
    const outcomes = Array.from({ length: 300 }, (_, n) =>
      sampleOutcome({ stdout: streamOf(`${n}\n`.repeat(90)) }),
    );
    const run = sampleRun({ progress: { queued: 100, running: 0, settled: { ok: 300 } } });
    const { pages } = boardOf(
      outcomes,
      outcomes.map((_, n) => n),
      { run, maxPages: 1 },
    );
    expect(pages).toHaveLength(1);
    expect(pages[0]?.live).toBeDefined();
    expect(textsOf(pages[0] ?? { text: '', blocks: [] }).join('\n')).toMatch(
      /300 of 400 hosts so far[\s\S]*more hosts: shown when the run has ended/,
    );
  });

  test('of a run without a result yet is nothing', () => {
    expect(boardOf([], []).pages).toEqual([]);
  });

  test.each([
    ['a colour', '\u001b[31mup\u001b[0m\n'],
    ['a line that was overwritten', '10 %\rup\n'],
    ['no last newline', 'up'],
  ])('with -diff calls output the same only where its bytes are: %s', (_what, other) => {
    const outcomes = [
      sampleOutcome({ stdout: streamOf('up\n') }),
      sampleOutcome({ stdout: streamOf(other) }),
    ];
    const { pages } = boardOf(outcomes, [0, 0, 1], { diff: true });
    const text = pages.flatMap(textsOf).join('\n');
    expect(text).not.toContain('output as on');
    expect(text).toContain('output reads as on web00000; its bytes differ');
    const failed = sampleOutcome({ kind: 'failed', exitCode: 1, stdout: streamOf('up\n') });
    const same = boardOf([sampleOutcome({ stdout: streamOf('up\n') }), failed], [0, 0, 1], { diff: true });
    expect(same.pages.flatMap(textsOf).join('\n')).toContain('output as on web00002');
  });

  test('with -diff shows the others by how they differ', () => {
    const config = Array.from({ length: 40 }, (_, n) => `option ${n}`);
    const outcomes = [
      sampleOutcome({ stdout: streamOf(`${config.join('\n')}\n`) }),
      sampleOutcome({ stdout: streamOf(`${config.with(20, 'option twenty').join('\n')}\n`) }),
    ];
    const { pages } = boardOf(outcomes, [0, 0, 1], { diff: true });
    const text = pages.flatMap(textsOf).join('\n');
    expect(text).toContain('-option 20\n+option twenty');
    expect(text).toContain('compared with web00000');
    expect(text.split('option 39').length).toBe(2);
  });
});
