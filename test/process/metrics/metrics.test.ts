import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { openMetrics } from '../../../src/process/metrics/metrics.ts';
import type { MetricsSource } from '../../../src/process/metrics/source.ts';

const HAS_PROMTOOL = spawnSync('promtool', ['--version']).status === 0;

const readme = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8');

/** All that there can be. */
const SOURCE: MetricsSource = {
  jobs: () => ({ running: 1, waiting: 1 }),
  connections: () => 4,
  otherBots: () => 0,
  keptConnections: () => 0,
  logLinesLost: () => 0,
  uses: async () => [{ what: 'database', usedBytes: 1, maxBytes: 2, freeBytes: 3, trouble: null }],
  backlog: async () => ({
    queue: { waiting: 1, held: 0, oldestMs: 1 },
    outbox: { due: 1, oldestMs: 1, givenUp: 0 },
  }),
};

interface Family {
  readonly type: string;
  /** Each label of its series, with its words. */
  readonly labels: ReadonlyMap<string, ReadonlySet<string>>;
}

/** What is answered, by name; of a histogram its own name, without the parts. */
function readFamilies(text: string): ReadonlyMap<string, Family> {
  const families = new Map<string, { type: string; labels: Map<string, Set<string>> }>();
  for (const line of text.split('\n')) {
    const [, declared = '', type = ''] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? [];
    if (declared !== '') families.set(declared, { type, labels: new Map() });
    const [, series = '', labels = ''] = /^([a-z_]\w*)(?:\{(.*)\})? /.exec(line) ?? [];
    const family = families.get(series) ?? families.get(series.replace(/_(bucket|sum|count)$/, ''));
    for (const [, label = '', word = ''] of labels.matchAll(/(\w+)="([^"]*)"/g)) {
      if (label === 'le') continue;
      const words = family?.labels.get(label) ?? new Set();
      family?.labels.set(label, words.add(word));
    }
  }
  return families;
}

/** The rows of README's table: name, type and labels. */
function readTable(): ReadonlyMap<string, string> {
  const section = readme.slice(readme.indexOf('\n### Metrics\n') + 1).split('\n##')[0] ?? '';
  const rows = section.matchAll(/^\| `(batchops_\w+)`((?: by `\w+`)?) \| (counter|gauge|histogram) \|/gm);
  return new Map(
    Array.from(rows, ([, name = '', by = '', type = '']) => [
      name,
      `${type} ${/`(\w+)`/.exec(by)?.[1] ?? ''}`.trim(),
    ]),
  );
}

describe('the metrics', () => {
  test('are those of the table in README, with their types and labels, and no others', async () => {
    const answered = readFamilies(await openMetrics('1.2.3').read(SOURCE));
    const ours = [...answered].filter(([name]) => name.startsWith('batchops_'));
    const described = ours.map(([name, { type, labels }]) => [name, [type, ...labels.keys()].join(' ')]);
    expect(Object.fromEntries(readTable())).toEqual(Object.fromEntries(described));
    for (const [, name = ''] of readme.matchAll(/`((?:batchops|nodejs|process)_\w+)`/g)) {
      expect([...answered.keys()], name).toContain(name);
    }
  });

  test('have every series from the start, at zero, and no other however often a word of nobody’s is counted', async () => {
    const metrics = openMetrics('1.2.3');
    const before = await metrics.read(SOURCE);
    expect(before).toMatch(/^batchops_jobs_total\{outcome="interrupted"\} 0$/m);
    expect(before).toMatch(/^batchops_slack_call_seconds_count\{method="chat.postMessage"\} 0$/m);
    // Nothing in the types lets this through; what comes from outside knows no types.
    Reflect.apply(metrics.meters.count, undefined, ['jobs', 'web01.example.com']);
    Reflect.apply(metrics.meters.took, undefined, ['calls', 'web01.example.com', 5]);
    const after = await metrics.read(SOURCE);
    expect(after).not.toContain('web01');
    const seriesOf = (text: string) => text.match(/^batchops_[^ ]+/gm);
    expect(seriesOf(after)).toEqual(seriesOf(before));
  });

  test('count and time what they are told, in seconds', async () => {
    const { meters, read } = openMetrics('1.2.3');
    meters.count('jobs', 'timed-out', 3);
    meters.count('storeFailures', 'all');
    meters.took('logins', 'ok', 300);
    const text = await read(SOURCE);
    expect(text).toMatch(/^batchops_jobs_total\{outcome="timed-out"\} 3$/m);
    expect(text).toMatch(/^batchops_store_failures_total 1$/m);
    expect(text).toMatch(/^batchops_login_seconds_bucket\{le="0.25",result="ok"\} 0$/m);
    expect(text).toMatch(/^batchops_login_seconds_bucket\{le="0.5",result="ok"\} 1$/m);
    expect(text).toMatch(/^batchops_login_seconds_sum\{result="ok"\} 0.3$/m);
  });

  test.skipIf(!HAS_PROMTOOL)('pass promtool check metrics (Debian: prometheus)', async () => {
    const input = await openMetrics('1.2.3').read(SOURCE);
    // It says on stderr, with exit 3, what is not as Prometheus' own guide has it.
    expect(() =>
      execFileSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8', stdio: 'pipe' }),
    ).not.toThrow();
  });
});
