import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Judgement, judge } from './judge.ts';
import { RECORDS } from './recorder.ts';

/**
 * Around the whole test run: all that any test made the bot send to Slack is judged by one validator at its end,
 * and a limit that was not kept fails the run, whatever the tests said; so does what the sandbox sent otherwise
 * than Slack.
 */
export async function setup(): Promise<void> {
  process.env[RECORDS] = await mkdtemp(join(tmpdir(), 'batchops-sent-'));
}

export async function teardown(): Promise<void> {
  const { [RECORDS]: folder = '' } = process.env;
  const judgement = await judge(folder);
  await rm(folder, { recursive: true, force: true });
  if (judgement.counts.size === 0) return;
  process.stdout.write(`\n${formatCounts(judgement)}\n`);
  const found = [
    ...judgement.faults.map((each) => `\n  Slack would not take: ${each}`),
    ...judgement.misfits.map((each) => `\n  the sandbox is not as Slack: ${each}`),
  ];
  if (found.length > 0) throw new Error(found.join(''));
}

/** What was sent how often, the most first. */
export function formatCounts({ counts }: Judgement): string {
  const sorted = Array.from(counts).toSorted(([a, i], [b, j]) => j - i || a.localeCompare(b));
  const line = (prefix: string): string =>
    sorted
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, count]) => `${name.slice(prefix.length)} ${count}`)
      .join(' · ');
  const calls = sorted.filter(([name]) => !/^(?:block|element) /.test(name));
  const sum = calls.reduce((total, [, count]) => total + count, 0);
  return [
    `Sent to Slack in this run: ${sum}`,
    `  ${calls.map(([name, count]) => `${name} ${count}`).join(' · ')}`,
    ...['block', 'element'].map((part) => `  ${part}s: ${line(`${part} `) || 'none'}`),
  ].join('\n');
}
