/**
 * From the last host's end to everything readable in the thread: the summary, every page of the board (or every
 * reply), the files. A strict local Slack enforces pace and limits; all outputs differ.
 *
 *     node test/bench/visibility/visibility.ts [hosts …]
 */
import { fork } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LocalSlack, openLocalSlack } from '../../../src/sandbox/slack/local-slack.ts';
import { readManifest } from '../../../src/sandbox/slack/options.ts';
import { atMost, fixed, table } from '../report.ts';

/** As `npm start` starts the bot: its flags decide how much memory it takes. */
const { scripts } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
const FLAGS = String(scripts.start)
  .split(' ')
  .filter((word) => word.startsWith('-') || word.endsWith('.cjs'));
const BOT = new URL('visibility-bot.ts', import.meta.url).pathname;
const CHANNEL = 'C0OPS0001';
const DF_BYTES = 600;

export interface Round {
  readonly hosts: number;
  readonly outputBytes: number;
  /** These three: DESIGN.md section 4. */
  readonly barS: number;
  readonly barMiB?: number;
  readonly barDelayMs?: number;
}

export const ROUNDS: readonly Round[] = [
  { hosts: 10, outputBytes: DF_BYTES, barS: 3 },
  { hosts: 100, outputBytes: DF_BYTES, barS: 3 },
  { hosts: 1_000, outputBytes: DF_BYTES, barS: 3 },
  { hosts: 10_000, outputBytes: DF_BYTES, barS: 3 },
  { hosts: 10_000, outputBytes: 10 * 1024, barS: 3, barMiB: 200, barDelayMs: 50 },
];

export interface Visibility extends Round {
  /** Of the summary, the last message and the last file. */
  readonly summaryS: number;
  readonly messagesS: number;
  readonly everythingS: number;
  readonly messages: number;
  readonly edits: number;
  readonly refusedForPace: number;
  readonly violations: number;
  readonly peakMiB: number;
  readonly delayP99Ms: number;
  readonly delayMaxMs: number;
}

export async function measureVisibility(round: Round): Promise<Visibility> {
  const { hosts, outputBytes } = round;
  const folder = mkdtempSync(join(tmpdir(), 'batchops-visibility-'));
  const slack = await openLocalSlack({
    manifest: readManifest(new URL('../../../manifest.yml', import.meta.url)),
    users: [{ id: 'U0ADA0001', name: 'ada' }],
    channels: [{ id: CHANNEL, name: 'ops', members: ['U0ADA0001', 'U0BOT0001'] }],
  });
  const { apiUrl, settings } = slack;
  const bot = fork(
    BOT,
    [apiUrl, settings.tokens.bot, CHANNEL, join(folder, 'bench.db'), String(hosts), String(outputBytes)],
    { execArgv: FLAGS },
  );
  const said: Record<string, unknown> = {};
  bot.on('message', (message) => Object.assign(said, message));
  try {
    const rootTs = String(await until(() => said.rootTs));
    const lastEndAt = Number(said.lastEndAt);
    const since = (): number => (Date.now() - lastEndAt) / 1_000;
    const thread = () => slack.thread(CHANNEL, rootTs);

    await until(() => / of [\d,]+ in /.test(slack.messages(CHANNEL)[0]?.text ?? ''));
    const summaryS = since();
    await until(() => isWhole(slack, rootTs, hosts));
    const messagesS = since();
    if (hosts > 10) await until(() => thread().flatMap((message) => message.files).length === 2);
    const everythingS = since();
    bot.send('tell');
    await until(() => said.peakMiB);
    return {
      ...round,
      summaryS,
      messagesS,
      everythingS,
      messages: thread().length,
      edits: slack.calls.filter(({ method }) => method === 'chat.update').length,
      refusedForPace: Array.from(slack.rateLimited.values()).reduce((sum, count) => sum + count, 0),
      violations: slack.violations.length,
      peakMiB: Number(said.peakMiB),
      delayP99Ms: Number(said.delayP99Ms),
      delayMaxMs: Number(said.delayMaxMs),
    };
  } finally {
    bot.kill('SIGKILL');
    await slack.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A result for each of ten hosts, some in one message; or all pages, the last of which says where the files are. */
function isWhole(slack: LocalSlack, rootTs: string, hosts: number): boolean {
  const texts = slack.thread(CHANNEL, rootTs).filter(({ files }) => files.length === 0);
  if (hosts <= 10) return texts.flatMap(({ text }) => text.match(/^web\d+:/gm) ?? []).length === hosts;
  const pages = Number(/page \d+ of (\d+)/.exec(texts[0]?.text ?? '')?.[1] ?? 1);
  return texts.length === pages && JSON.stringify(texts.at(-1)?.blocks).includes('.jsonl');
}

async function until<T>(fact: () => T | undefined | false | 0): Promise<T> {
  const deadline = Date.now() + 180_000;
  for (;;) {
    const value = fact();
    if (value) return value;
    if (Date.now() > deadline) throw new Error('nothing came for three minutes');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The table, and which bars were reached. */
export function formatVisibility(rounds: readonly Visibility[]): string[] {
  const name = ({ hosts, outputBytes }: Round): string =>
    `${hosts.toLocaleString('en-US')} hosts × ${outputBytes < 1_024 ? `${outputBytes} B` : `${outputBytes / 1_024} KiB`}`;
  return [
    'from the last host’s end to all of it in the thread, at Slack’s pace; all outputs different',
    ...table([
      ['', 'summary s', 'messages s', 'all s', 'messages', 'edits', 'RSS MiB', 'loop p99 ms', 'max ms'],
      ...rounds.map((round) => [
        name(round),
        fixed(round.summaryS, 1),
        fixed(round.messagesS, 1),
        fixed(round.everythingS, 1),
        `${round.messages}`,
        `${round.edits}`,
        fixed(round.peakMiB, 0),
        fixed(round.delayP99Ms, 0),
        fixed(round.delayMaxMs, 0),
      ]),
    ]),
    ...rounds.flatMap((round) => [
      atMost(`${name(round)}, readable`, round.everythingS, round.barS, 's'),
      ...(round.barMiB === undefined
        ? []
        : [atMost(`${name(round)}, memory`, round.peakMiB, round.barMiB, 'MiB')]),
      ...(round.barDelayMs === undefined
        ? []
        : [atMost(`${name(round)}, event-loop delay p99`, round.delayP99Ms, round.barDelayMs, 'ms')]),
    ]),
    ...rounds
      .filter(({ refusedForPace, violations }) => refusedForPace + violations > 0)
      .map(
        (round) =>
          `  ?     ${name(round)}: Slack refused ${round.refusedForPace} for their pace, ${round.violations} for their form`,
      ),
  ];
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const wanted = process.argv.slice(2).map(Number);
  for (const round of ROUNDS.filter(({ hosts }) => wanted.length === 0 || wanted.includes(hosts))) {
    const seen = await measureVisibility(round);
    process.stdout.write(`${JSON.stringify(seen)}\n`);
  }
}
