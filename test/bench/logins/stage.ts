import { execFileSync } from 'node:child_process';
import { copyFile, readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import type { LocalSlack } from '../../../src/sandbox/slack/local-slack.ts';
import {
  ADA,
  AUDIT,
  ada,
  BOT,
  type Bot,
  finished,
  type Home,
  MAIN,
  makeHome,
  OPS,
  openTeamSlack,
  startBot,
} from '../../rigs/bot.ts';
import { inMs, type Metrics, parseMetrics } from '../acks/acks.ts';
import { startFleet } from '../fleet.ts';
import { median, quantile } from '../rounds.ts';
import type { Turns } from './loop-watch.ts';

export const FAN_OUT = 100;
const BETWEEN_COMMANDS_MS = 150;
const WATCH = new URL('loop-watch.ts', import.meta.url).pathname;

export interface Round {
  readonly seconds: number;
  readonly ok: number;
  readonly ackP50Ms: number | undefined;
  readonly ackP99Ms: number | undefined;
  readonly ackMaxMs: number | undefined;
  readonly unanswered: number;
  readonly loopP50Ms: number | undefined;
  readonly loopP99Ms: number | undefined;
  /** The longest that the loop stood, for whatever reason. */
  readonly loopMaxMs: number | undefined;
  readonly turns: Turns;
  readonly cpuMsPerHost: number;
  readonly rssMb: number;
  readonly kept: number;
  readonly rootTs: string;
}

interface LoginStage extends AsyncDisposable {
  readonly slack: LocalSlack;
  readonly home: Home;
  readonly bot: Bot;
  /** Whether bot and Slack come before the hosts on the processor that they share. */
  readonly hasPrecedence: boolean;
  /** The open files that the bot may have. */
  readonly filesLimit: number;
  /** Runs it on all hosts, and asks for help until the summary stands. */
  run(command: string, withinMs: number): Promise<Round>;
}

/** The real bot between the strict local Slack and as many addresses of a real `sshd`. */
export async function openLoginStage(count: number, areKeysKnown: boolean): Promise<LoginStage> {
  await using opened = new AsyncDisposableStack();
  const { files } = opened.use(await startFleet(count));
  // Only now: what the hosts begin is to have none of it.
  const hasPrecedence = takePrecedence();
  const members = [ADA, BOT];
  const slack = opened.use(
    await openTeamSlack({
      channels: [
        { id: AUDIT, name: 'audit', members },
        { id: OPS, name: 'ops', members },
      ],
    }),
  );
  const home = opened.use(
    await makeHome({
      'inventory.ini': await readFile(files.inventoryPath),
      'allowlist.ini': `[all]\nusers = ${ADA}\nchannels = *\nhosts = all\nactions = run\ncommands = *\n`,
    }),
  );
  if (areKeysKnown) await copyFile(files.knownHostsPath, home.path('data/known_hosts'));
  const watch = home.path('loop');
  const bot = opened.use(
    await startBot(
      home,
      slack,
      {
        BATCHOPS_CONCURRENCY: `${FAN_OUT}`,
        BATCHOPS_PERSON_CONCURRENCY: `${FAN_OUT}`,
        LOOP_WATCH: watch,
      },
      {
        program: process.execPath,
        args: ['--max-semi-space-size=4', '--import', WATCH, MAIN],
      },
    ),
  );
  opened.defer(async () => void (await bot.stop()));
  const health = /"health":"([^"]+)"/.exec(bot.output())?.[1] ?? '';
  const metrics = async (): Promise<Metrics> =>
    parseMetrics(await (await fetch(`http://${health}/metrics`)).text());
  const takeTurns = async (): Promise<Turns> => JSON.parse(await text(connect(watch)));

  let nth = 0;
  const run = async (command: string, withinMs: number): Promise<Round> => {
    // Reading the figures begins them anew.
    const before = await metrics();
    await takeTurns();
    const since = performance.now();
    await slack.command(ada(`-h all -c ${FAN_OUT} -cmd "${command}"`));
    const acks: number[] = [];
    let unanswered = 0;
    let isOver = false;
    const asking = (async () => {
      while (!isOver) {
        const outcome = await slack.command(ada('help', '/batch'));
        if (outcome.ok) acks.push(outcome.ackMs);
        else unanswered++;
        await delay(BETWEEN_COMMANDS_MS);
      }
    })();
    nth += 1;
    const root = await finished(slack, nth, withinMs).finally(() => {
      isOver = true;
    });
    const seconds = (performance.now() - since) / 1_000;
    await asking;
    const turns = await takeTurns();
    const after = await metrics();
    const cpu = (all: Metrics): number => all.get('process_cpu_seconds_total') ?? Number.NaN;
    return {
      seconds,
      ok: Number(/(\d[\d,]*) ok of/.exec(root.text)?.[1]?.replaceAll(',', '')),
      ackP50Ms: median(acks),
      ackP99Ms: quantile(acks, 0.99),
      ackMaxMs: quantile(acks, 1),
      unanswered,
      loopP50Ms: inMs(after.get('nodejs_eventloop_lag_p50_seconds')),
      loopP99Ms: inMs(after.get('nodejs_eventloop_lag_p99_seconds')),
      loopMaxMs: inMs(after.get('nodejs_eventloop_lag_max_seconds')),
      turns,
      cpuMsPerHost: ((cpu(after) - cpu(before)) * 1_000) / count,
      rssMb: (after.get('process_resident_memory_bytes') ?? Number.NaN) / 2 ** 20,
      kept: after.get('batchops_kept_connections') ?? Number.NaN,
      rootTs: root.ts,
    };
  };
  const filesLimit = Number(
    /^Max open files +(\d+)/m.exec(await readFile(`/proc/${bot.process.pid}/limits`, 'utf8'))?.[1],
  );
  const stop = opened.move();
  return {
    slack,
    home,
    bot,
    hasPrecedence,
    filesLimit,
    run,
    [Symbol.asyncDispose]: () => stop.disposeAsync(),
  };
}

/**
 * Hosts have processors of their own; here bot and Slack come before them (root only). Niceness does not do it: each
 * session of an `sshd` is one of its own for Linux (`sched_autogroup`), and niceness counts within a session.
 */
function takePrecedence(): boolean {
  try {
    execFileSync('chrt', ['--rr', '--all-tasks', '--pid', '1', `${process.pid}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
