import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { LocalSlack } from '../../src/sandbox/slack/local-slack.ts';
import { ADA, BOB, EVERYTHING, makeHome, OPS, openTeamSlack, shown, startBot } from '../rigs/bot.ts';

const HOSTS = 4_000;
/** As much as a slash command may be long. */
const LONGEST_CHARS = 11_000;

/** Nobody answers there; every third name is long, every third one has parts. */
const NAMES = Array.from(
  { length: HOSTS },
  (_, n) => [`web${n}`, `${'a'.repeat(60)}${n}`, `rack${n % 40}-node${n}.example.net`].at(n % 3) ?? '',
);
const INVENTORY = [
  '[DEFAULT]\nuser = ada\npassword = not-used-here\n',
  ...NAMES.map((name) => `[${name}]\nip = 127.0.0.1\n`),
  ...Array.from(
    { length: 20 },
    (_, g) =>
      `[g${g}]\n${NAMES.slice(g)
        .map((name) => `${name} = True\n`)
        .join('')}`,
  ),
].join('');

const many = (text: string): string =>
  `${text},`.repeat(Math.floor(LONGEST_CHARS / (text.length + 1))).slice(0, -1);

/** What was tried, and what it has to be answered with; undefined: it may be answered, if it is so at once. */
const TRIES: readonly (readonly [expression: string, answer: RegExp | undefined])[] = [
  ['*[1-1024][1-4]*', /more than|at most|too much/],
  [many('*[1-1024][1-4]*'), /more than|at most|too much/],
  [many('a[1-1024][1-4]*'), /more than|at most|too much/],
  [many('*a*b'), undefined],
  [`${'*a'.repeat(LONGEST_CHARS / 2)}b`, undefined],
  [many(`*${'a'.repeat(30)}b`), /too much looking up.*Begin patterns with letters/s],
  [many('?'.repeat(63)), /too much looking up.*Begin patterns with letters/s],
  [`web${'[1-2]'.repeat(2_000)}`, /more than|at most|too much/],
  ['web[0-999999999999]', /more than|at most|too much/],
  [many('!*a'), undefined],
  [many('all'), undefined],
  [many('@g*'), undefined],
  [Array.from({ length: 100 }, (_, n) => `${'a'.repeat(58)}bcde${n}`).join(','), undefined],
];

/** A person asks for something that costs nothing, again and again while the other is asked; how often. */
async function askMeanwhile(slack: LocalSlack, until: Promise<unknown>): Promise<number> {
  let isOver = false;
  void until.finally(() => {
    isOver = true;
  });
  let asked = 0;
  do {
    const outcome = await slack.command({ user: BOB, channel: OPS, command: '/batch', text: 'help' });
    expect(outcome.ok).toBe(true);
    asked += 1;
  } while (!isOver);
  return asked;
}

/** All that the process has taken of the CPU: how long others wait is for the machine to say. In clock ticks of 10 ms. */
function cpuMsOf(pid: number | undefined): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  return 10 * (Number(fields[11]) + Number(fields[12]));
}

test('no host expression costs anybody else a second, however it is written and wherever it is asked', async () => {
  await using slack = await openTeamSlack();
  await using home = await makeHome({
    'inventory.ini': INVENTORY,
    'allowlist.ini': EVERYTHING.replace(ADA, `${ADA}, ${BOB}`),
  });
  await using bot = await startBot(home, slack);
  for (const [expression, expected] of TRIES) {
    for (const [command, text] of [
      ['/batch_run', `-n -h ${expression} -cmd uptime`],
      ['/batch_run', `-n -h web3 -x ${expression} -cmd uptime`],
      ['/batch', `can ${expression}`],
    ] as const) {
      const before = cpuMsOf(bot.process.pid);
      const asked = slack.command({ user: ADA, channel: OPS, command, text });
      const others = await askMeanwhile(slack, asked);
      const outcome = await asked;
      const what = `${command} ${text}`.slice(0, 60);
      expect(outcome.ok, what).toBe(true);
      const answer = shown(await slack.waitFor(() => outcome.answers()[0]));
      // What the others' help costs is taken for granted.
      expect(cpuMsOf(bot.process.pid) - before, what).toBeLessThan(1_000 + 50 * others);
      if (expected !== undefined && text.startsWith('-n -h ')) expect(answer, what).toMatch(expected);
      // What is refused is refused in words that fit, not with the whole expression in them.
      expect(answer.length, what).toBeLessThan(4_000);
    }
  }
  expect(slack.messages(OPS)).toEqual([]);
  expect(bot.output()).not.toMatch(/"level":(50|60)/);
}, 60_000);
