import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { LocalSlack } from '../../../src/sandbox/slack/local-slack.ts';
import { ADA, AUDIT, makeHome, openTeamSlack, startBot } from '../../rigs/bot.ts';
import {
  type SimulatedHosts,
  simulatedAddress,
  startSimulatedHosts,
} from '../../rigs/simulated/simulated-hosts.ts';
import { makeKeyPair } from '../../rigs/sshd.ts';
import { median, quantile } from '../rounds.ts';

const BOT = 'U0BOT0001';
/** Each of them idle until its one run: Slack lets through one message a second in a channel. */
const IDLE_CHANNELS = 10;
const idleChannel = (n: number): string => `C0IDLE${n}`;
const BUSY_CHANNEL = 'C0BUSY001';

export interface AckWish {
  readonly jobs: number;
  readonly commands: number;
  readonly concurrency: number;
  readonly jobSeconds: number;
}

export interface AckFigures {
  readonly sent: number;
  readonly unanswered: number;
  readonly ackP50Ms: number | undefined;
  readonly ackP99Ms: number | undefined;
  readonly ackMaxMs: number | undefined;
  /** From /metrics, over the time of the run only. Node counts its timer's 10 ms in. */
  readonly botLoopP99Ms: number | undefined;
  readonly botLoopMaxMs: number | undefined;
  /** The measuring process's own: what it adds to the figures of the acks. */
  readonly slackLoopP99Ms: number;
  readonly jobsEnded: number;
  readonly runSeconds: number;
  readonly botRssMb: number;
  readonly botCpuMsPerJob: number;
  /** From a host's end to its result in the thread, each in a channel where nothing else goes on. */
  readonly idleResultMs: readonly number[];
}

/** The real bot between the strict local Slack and hosts in another process: how fast it answers while it works. */
export async function measureAcks(wish: AckWish): Promise<AckFigures> {
  const hostKey = makeKeyPair();
  const key = makeKeyPair();
  const members = [ADA, BOT];
  await using slack = await openTeamSlack({
    channels: [
      { id: AUDIT, name: 'audit', members },
      { id: BUSY_CHANNEL, name: 'busy', members },
      ...Array.from({ length: IDLE_CHANNELS }, (_, n) => ({ id: idleChannel(n), name: `idle${n}`, members })),
    ],
  });
  await using hosts = await startSimulatedHosts(hostKey.private);
  const ips = Array.from({ length: wish.jobs }, (_, n) => simulatedAddress(n));
  const inventory = ips.map((ip, i) => `[h${i}]\nip = ${ip}\n`).join('');
  const [type, publicKey] = hostKey.public.split(' ');
  await using home = await makeHome({
    key: `${key.private.trimEnd()}\n`,
    'inventory.ini': `[DEFAULT]\nport = ${hosts.port}\nuser = ada\nkey = key\n${inventory}`,
    'allowlist.ini': `[all]\nusers = ${ADA}\nchannels = *\nhosts = all\nactions = run\ncommands = *\n`,
    'data/known_hosts': ips.map((ip) => `[${ip}]:${hosts.port} ${type} ${publicKey}\n`).join(''),
  });
  await using bot = await startBot(home, slack, {
    BATCHOPS_CONCURRENCY: `${wish.concurrency}`,
    BATCHOPS_PERSON_CONCURRENCY: `${wish.concurrency}`,
    BATCHOPS_LOG_LEVEL: 'info',
  });
  const health = /"health":"([^"]+)"/.exec(bot.output())?.[1] ?? '';
  const metrics = async (): Promise<Metrics> =>
    parseMetrics(await (await fetch(`http://${health}/metrics`)).text());

  const idleResultMs: number[] = [];
  for (let n = 0; n < IDLE_CHANNELS; n++) {
    idleResultMs.push(await idleResult(slack, hosts, idleChannel(n), `h${n}`, ips[n] ?? ''));
  }

  // Reading the figures begins them anew.
  const before = await metrics();
  const ownLoop = monitorEventLoopDelay({ resolution: 10 });
  ownLoop.enable();
  const endedBefore = hosts.ended.length;
  const jobsEnded = (): number => hosts.ended.length - endedBefore;
  const since = performance.now();
  const started = await slack.command({
    user: ADA,
    channel: BUSY_CHANNEL,
    command: '/batch_run',
    text: `-h all -c ${wish.concurrency} -t 5m -cmd "sleep ${wish.jobSeconds}"`,
  });
  if (!started.ok) throw new Error(`the run was not accepted: ${started.error}`);
  const texts = ['help', 'runs', 'hosts', 'can', 'help', 'hosts h1*', 'runs 20', 'no such thing'];
  // As long as the jobs take at least, so that the last command still meets work.
  const pauseMs = ((wish.jobs / wish.concurrency) * wish.jobSeconds * 1_000) / wish.commands;
  const acks: number[] = [];
  let unanswered = 0;
  const asked: Promise<void>[] = [];
  for (let i = 0; i < wish.commands && jobsEnded() < wish.jobs; i++) {
    const text = texts[i % texts.length] ?? 'help';
    asked.push(
      slack.command({ user: ADA, channel: BUSY_CHANNEL, command: '/batch', text }).then((outcome) => {
        if (outcome.ok) acks.push(outcome.ackMs);
        else unanswered++;
      }),
    );
    await delay(pauseMs);
  }
  await Promise.all(asked);
  const during = await metrics();
  ownLoop.disable();
  await hosts.waitFor(() => jobsEnded() >= wish.jobs);
  const runSeconds = (performance.now() - since) / 1_000;
  const after = await metrics();
  if (slack.violations.length > 0) {
    throw new Error(`Slack refused something: ${JSON.stringify(slack.violations[0])}`);
  }
  return {
    sent: asked.length,
    unanswered,
    ackP50Ms: median(acks),
    ackP99Ms: quantile(acks, 0.99),
    ackMaxMs: acks.length > 0 ? Math.max(...acks) : undefined,
    botLoopP99Ms: inMs(during.get('nodejs_eventloop_lag_p99_seconds')),
    botLoopMaxMs: inMs(during.get('nodejs_eventloop_lag_max_seconds')),
    slackLoopP99Ms: ownLoop.percentile(99) / 1e6,
    jobsEnded: jobsEnded(),
    runSeconds,
    botRssMb: (after.get('process_resident_memory_bytes') ?? Number.NaN) / 2 ** 20,
    botCpuMsPerJob:
      (((after.get('process_cpu_seconds_total') ?? Number.NaN) -
        (before.get('process_cpu_seconds_total') ?? Number.NaN)) *
        1_000) /
      wish.jobs,
    idleResultMs,
  };
}

async function idleResult(
  slack: LocalSlack,
  hosts: SimulatedHosts,
  channel: string,
  host: string,
  ip: string,
): Promise<number> {
  await slack.command({ user: ADA, channel, command: '/batch_run', text: `-h ${host} -cmd "sleep 0.5"` });
  const root = await slack.waitFor(() => slack.messages(channel).find((message) => message.isFromApp));
  await slack.waitFor(() => slack.thread(channel, root.ts).length > 0);
  const seenAt = Date.now();
  await hosts.waitFor(() => hosts.ended.some((end) => end.ip === ip));
  return seenAt - (hosts.ended.find((end) => end.ip === ip)?.at ?? Number.NaN);
}

// ── /metrics ─────────────────────────────────────────────────────────────────────────────────────────────

export type Metrics = ReadonlyMap<string, number>;

export function parseMetrics(text: string): Metrics {
  return new Map(
    Array.from(
      text.matchAll(/^(\w+) ([\d.e+-]+)$/gm),
      ([, name = '', value]) => [name, Number(value)] as const,
    ),
  );
}

export function inMs(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1_000;
}
