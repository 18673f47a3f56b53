import { BROKEN } from './judge/judge.ts';
import type { Performed } from './perform.ts';

const WORDS: Readonly<Record<(typeof BROKEN)[number], string>> = {
  ranTwice: 'run twice',
  lost: 'lost',
  stuck: 'stuck',
  doubled: 'doubled messages',
  untrue: 'told otherwise than it was',
  overlapped: 'two at once on a host',
  unknown: 'unknown too long, or for no reason',
  other: 'audit, shutdown, Slack',
};
const MAX_SHOWN = 5;

/** A table for people, and below it the first of each kind of what was broken. */
export function formatPerformed(one: Performed): string {
  const kinds = Array.from(one.kinds, ([kind, count]) => `${count} ${kind}`).join(', ');
  const rows: readonly (readonly [string, string])[] = [
    ['store', one.store],
    ['jobs', `${one.jobs}: ${kinds}`],
    ['kills', String(one.kills)],
    [
      'commands that became no run',
      String(Array.from(one.refusals.values()).reduce((sum, count) => sum + count, 0)),
    ],
    ...BROKEN.map((what) => [WORDS[what], String(one[what].length)] as const),
    ['start to `interrupted` in Slack', atMost(one.interruptedMs)],
    ['end of a process to `interrupted`', atMost(one.noticedMs)],
    ['load of the machine', one.load.toFixed(1)],
    ['time', `${one.seconds.toFixed(0)} s`],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const faults = BROKEN.flatMap((what) => {
    const more = one[what].length - MAX_SHOWN;
    return [...one[what].slice(0, MAX_SHOWN), ...(more > 0 ? [`… and ${more} more`] : [])].map(
      (line) => `  ✗ ${WORDS[what]}: ${line}`,
    );
  });
  const refusals = Array.from(one.refusals, ([why, count]) => `  · ${count} × no run: ${why.slice(0, 300)}`);
  return [
    `| ${one.scenario.name.padEnd(width)} | |`,
    `|${'-'.repeat(width + 2)}|---|`,
    ...rows.map(([name, value]) => `| ${name.padEnd(width)} | ${value} |`),
    ...refusals.slice(0, MAX_SHOWN),
    ...faults,
  ].join('\n');
}

function atMost(times: readonly number[]): string {
  const slowest = times.reduce((most, time) => Math.max(most, time), 0);
  return times.length === 0 ? '–' : `at most ${(slowest / 1_000).toFixed(1)} s`;
}
