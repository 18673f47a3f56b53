import { copyFile, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { ADA, AUDIT, ada, BOT, finished, makeHome, OPS, openTeamSlack, startBot } from '../../rigs/bot.ts';
import { startFleet } from '../fleet.ts';
import { atMost, fixed, table } from '../report.ts';
import { median, quantile } from '../rounds.ts';
import { inMs, type Metrics, parseMetrics } from './acks.ts';

const FAN_OUT = 100;
/** Hosts have processors of their own; here they are given what the bot leaves. */
const HOSTS_NICE = 15;
const BETWEEN_COMMANDS_MS = 150;

export interface LoginFigures {
  readonly hosts: number;
  /** No connection yet; then over those that were kept. */
  readonly cold: Round;
  readonly warm: Round;
}

interface Round {
  readonly seconds: number;
  readonly ok: number;
  readonly ackP50Ms: number | undefined;
  readonly ackP99Ms: number | undefined;
  readonly unanswered: number;
  readonly loopP99Ms: number | undefined;
  /** The longest that the loop stood, for whatever reason. */
  readonly loopMaxMs: number | undefined;
  readonly cpuMsPerHost: number;
  readonly rssMb: number;
  readonly kept: number;
}

/** The real bot between the strict local Slack and real `sshd`: how it answers while it logs in everywhere. */
export async function measureLogins(count: number): Promise<LoginFigures> {
  await using fleet = await startFleet(count, HOSTS_NICE);
  const { files } = fleet;
  const members = [ADA, BOT];
  await using slack = await openTeamSlack({
    channels: [
      { id: AUDIT, name: 'audit', members },
      { id: OPS, name: 'ops', members },
    ],
  });
  await using home = await makeHome({
    'inventory.ini': await readFile(files.inventoryPath),
    'allowlist.ini': `[all]\nusers = ${ADA}\nchannels = *\nhosts = all\nactions = run\ncommands = *\n`,
  });
  await copyFile(files.knownHostsPath, home.path('data/known_hosts'));
  await using bot = await startBot(home, slack, {
    BATCHOPS_CONCURRENCY: `${FAN_OUT}`,
    BATCHOPS_PERSON_CONCURRENCY: `${FAN_OUT}`,
  });
  const health = /"health":"([^"]+)"/.exec(bot.output())?.[1] ?? '';
  const metrics = async (): Promise<Metrics> =>
    parseMetrics(await (await fetch(`http://${health}/metrics`)).text());

  const round = async (nth: number): Promise<Round> => {
    // Reading the figures begins them anew.
    const before = await metrics();
    const since = performance.now();
    await slack.command(ada(`-h all -c ${FAN_OUT} -cmd "df -h"`));
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
    const root = await finished(slack, nth);
    const seconds = (performance.now() - since) / 1_000;
    isOver = true;
    await asking;
    const after = await metrics();
    const cpu = (all: Metrics): number => all.get('process_cpu_seconds_total') ?? Number.NaN;
    return {
      seconds,
      ok: Number(/(\d[\d,]*) ok of/.exec(root.text)?.[1]?.replaceAll(',', '')),
      ackP50Ms: median(acks),
      ackP99Ms: quantile(acks, 0.99),
      unanswered,
      loopP99Ms: inMs(after.get('nodejs_eventloop_lag_p99_seconds')),
      loopMaxMs: inMs(after.get('nodejs_eventloop_lag_max_seconds')),
      cpuMsPerHost: ((cpu(after) - cpu(before)) * 1_000) / count,
      rssMb: (after.get('process_resident_memory_bytes') ?? Number.NaN) / 2 ** 20,
      kept: after.get('batchops_kept_connections') ?? Number.NaN,
    };
  };
  return { hosts: count, cold: await round(1), warm: await round(2) };
}

export function formatLogins({ hosts, cold, warm }: LoginFigures): readonly string[] {
  const row = (name: string, of: Round): string[] => [
    name,
    `${fixed(of.seconds, 1)} s, ${of.ok} ok`,
    `${fixed(of.ackP50Ms, 0)} ms`,
    `${fixed(of.ackP99Ms, 0)} ms`,
    `${of.unanswered}`,
    `${fixed(of.loopP99Ms, 0)} ms`,
    `${fixed(of.loopMaxMs, 0)} ms`,
    `${fixed(of.cpuMsPerHost, 1)} ms`,
    `${fixed(of.rssMb, 0)} MB`,
    `${of.kept}`,
  ];
  return [
    `df -h on ${hosts} real sshd, ${FAN_OUT} at a time, hosts niced; slash commands meanwhile`,
    ...table([
      ['', 'run', 'ack p50', 'p99', 'unanswered', 'loop p99', 'max', 'CPU/host', 'RSS', 'kept'],
      row('no connection yet', cold),
      row('connections kept', warm),
    ]),
    atMost('ack p99 while they log in', cold.ackP99Ms, 50, 'ms'),
    atMost('event-loop delay p99 while they log in (a timer of 10 ms included)', cold.loopP99Ms, 50, 'ms'),
    atMost('the longest that the loop stood', cold.loopMaxMs, 30, 'ms'),
  ];
}
