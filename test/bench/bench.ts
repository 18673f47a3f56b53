/**
 * `npm run bench`: the figures of DESIGN section 4, all in one run on one machine, because of those that need
 * other programs beside ours only the ratios say something.
 *
 *     npm run bench -- --quick            20 hosts, one round: does it work at all
 *     npm run bench -- --only many        10,000 hosts, some eight minutes
 *     npm run bench -- --rounds 5 --hosts 200 --jobs 10000 --only cold,warm,copy,acks,logins,many,expressions,visibility,years,jobs --no-peers
 */
import { writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { HAS_SSHD } from '../rigs/sshd.ts';
import { type AckFigures, measureAcks } from './acks/acks.ts';
import { measureExpressions } from './acks/expressions.ts';
import {
  coldPeers,
  endMasters,
  type OwnProcess,
  openPeer,
  startOwn,
  type Temperature,
  warmPeers,
} from './contenders.ts';
import { formatCopies, measureCopies } from './copy/copy.ts';
import { type FleetFiles, startFleet } from './fleet.ts';
import { formatJobs, measureJobs } from './jobs/jobs.ts';
import { formatLogins, measureLogins } from './logins/logins.ts';
import { formatMany, measureMany } from './logins/many.ts';
import { machineFacts, round2 } from './machine.ts';
import { atMost, bar, fixed, table } from './report.ts';
import { type Contender, median, quantile, type Rounds, race, ratio, type Taken } from './rounds.ts';
import { formatVisibility, measureVisibility, ROUNDS, type Visibility } from './visibility/visibility.ts';
import { formatYears, measureYears } from './years/years.ts';

const PARTS = [
  'cold',
  'warm',
  'copy',
  'acks',
  'logins',
  'many',
  'expressions',
  'visibility',
  'years',
  'jobs',
];
/** It takes as long as all the others: only where it is asked for. */
const LONG = 'many';
const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    hosts: { type: 'string' },
    rounds: { type: 'string' },
    'no-peers': { type: 'boolean', default: false },
    jobs: { type: 'string' },
    only: { type: 'string', default: PARTS.filter((part) => part !== LONG).join(',') },
  },
});
const FAN_OUT = 64;
const hostCount = Number(flags.hosts ?? (flags.quick ? 20 : 200));
const roundCount = Number(flags.rounds ?? (flags.quick ? 1 : 3));
const parts = flags.only.split(',');
const unknown = parts.find((part) => !PARTS.includes(part));
if (unknown !== undefined) throw new Error(`--only ${unknown}: there are ${PARTS.join(', ')}`);
const startedAt = Date.now();
/** No further rounds of cold connections after three minutes, of warm ones after five: less than ten in all. */
const COLD_UNTIL = startedAt + 3 * 60_000;
const WARM_UNTIL = startedAt + 5 * 60_000;

const BARE = 'bare ssh2 loop';
const ENGINE = 'Batchops, whole engine';
const TRANSPORT = 'Batchops, transport alone';

const say = (line: string): void => void process.stderr.write(`${line}\n`);
const report: string[] = [];
const results: Record<string, unknown> = {};

process.once('SIGINT', () => {
  // Our children get it too, and end; what waits for them fails, and everything is put away.
  say('stopping; once more to stop at once');
  process.exitCode = 130;
});

const machineBefore = { ...machineFacts(), hosts: hostCount, rounds: roundCount };
if (parts.includes('cold') || parts.includes('warm')) {
  if (HAS_SSHD) await measureFleet();
  else report.push('cold and warm: not measured, there is no sshd (apt install openssh-server)');
}
if (parts.includes('copy')) {
  if (HAS_SSHD) await measureCopying();
  else report.push('copy: not measured, there is no sshd (apt install openssh-server)');
}
if (parts.includes('acks')) await measureAnswers();
if (parts.includes('logins')) {
  if (HAS_SSHD) await measureLoggingIn();
  else report.push('logins: not measured, there is no sshd (apt install openssh-server)');
}
if (parts.includes('many')) {
  if (HAS_SSHD) await measureFleetAtOnce();
  else report.push('many: not measured, there is no sshd (apt install openssh-server)');
}
if (parts.includes('expressions')) await measureWorstExpressions();
if (parts.includes('visibility')) await measureThreads();
if (parts.includes('years')) await measureAge();
if (parts.includes('jobs')) await measureEngines();
const facts = {
  ...machineBefore,
  loadAfter: loadavg().map(round2),
  seconds: Math.round((Date.now() - startedAt) / 1_000),
};
report.push(
  '',
  `${facts.cpu}, ${facts.cores} cores; Node ${facts.node}; ${facts.ssh}; load ${facts.loadBefore[0]} before, ${facts.loadAfter[0]} after; ${facts.seconds} s`,
);
process.stdout.write(`\n${report.join('\n')}\n\n${JSON.stringify({ ...facts, ...results })}\n`);

// ── a command on the fleet ───────────────────────────────────────────────────────────────────────────────

async function measureFleet(): Promise<void> {
  say(`starting ${hostCount} hosts`);
  await using fleet = await startFleet(hostCount);
  const { files } = fleet;
  const fleetPath = join(files.folder, 'fleet.json');
  await writeFile(fleetPath, JSON.stringify(files));
  await using bare = startOwn('bare', fleetPath, FAN_OUT, hostCount);
  await using transport = startOwn('transport', fleetPath, FAN_OUT, hostCount);
  await using engine = startOwn('engine', fleetPath, FAN_OUT, hostCount);
  const own = { bare, transport, engine };

  if (parts.includes('cold')) await measureTemperature('cold', files, own, COLD_UNTIL);
  try {
    if (parts.includes('warm')) await measureTemperature('warm', files, own, WARM_UNTIL);
  } finally {
    endMasters(files);
  }
}

async function measureTemperature(
  temperature: Temperature,
  files: FleetFiles,
  own: Readonly<Record<'bare' | 'transport' | 'engine', OwnProcess>>,
  until: number,
): Promise<void> {
  const contenders: Contender[] = [
    own.engine.as(ENGINE, temperature),
    own.transport.as(TRANSPORT, temperature),
    own.bare.as(BARE, temperature),
  ];
  const missing: [string, string][] = [];
  const peers = (temperature === 'cold' ? coldPeers : warmPeers)(files, FAN_OUT);
  for (const peer of flags['no-peers'] ? [] : peers) {
    const opened = await openPeer(peer, files);
    if (typeof opened === 'string') missing.push([peer.name, opened]);
    // A round that does not count makes the connections that the others use.
    else contenders.push(temperature === 'cold' ? opened : { ...opened, warmUp: opened.take });
  }
  say(`${temperature}: ${contenders.length} contenders`);
  const rounds = await race(contenders, { rounds: roundCount, hosts: hostCount, until, say });
  const clush = contenders.find(({ name }) => name.startsWith('clush'))?.name ?? 'clush';
  report.push(
    '',
    `df -h on ${hostCount} hosts, fan-out ${FAN_OUT}, ${temperature === 'cold' ? 'no connection yet' : 'connections kept'}; medians of ${roundCount}, ratios within a round`,
    ...table([
      ['', 'seconds', '× bare ssh2', `× ${clush}`, 'fastest', '× bare ssh2', 'CPU ms/host'],
      ...contenders.map(({ name }) => fleetRow(rounds, name, clush)),
      ...missing.map(([name, why]) => [name, why]),
    ]),
    ...bars(rounds, temperature, clush),
  );
  results[temperature] = Object.fromEntries(rounds);
}

function fleetRow(rounds: Rounds, name: string, clush: string): string[] {
  const sound = soundRounds(rounds, name);
  const fastestMs = fastest(rounds, name);
  return [
    name,
    fixed(median(sound.map(({ ms }) => ms / 1_000)), 2),
    fixed(ratio(rounds, name, BARE), 2),
    fixed(ratio(rounds, name, clush), 3),
    fixed(fastestMs / 1_000, 2),
    fixed(fastestMs / fastest(rounds, BARE), 2),
    fixed(cpuPerHost(sound), 2),
  ];
}

/** On a machine that does other things too, the round that was disturbed least. */
function fastest(rounds: Rounds, name: string): number {
  return (
    quantile(
      soundRounds(rounds, name).map(({ ms }) => ms),
      0,
    ) ?? Number.NaN
  );
}

function bars(rounds: Rounds, temperature: Temperature, clush: string): string[] {
  const isCold = temperature === 'cold';
  const faster = ratio(rounds, clush, ENGINE);
  return [
    atMost('whole engine against the bare loop', ratio(rounds, ENGINE, BARE), isCold ? 1.2 : 1.3, '×'),
    faster === undefined
      ? `  ?     ${clush} has no figures`
      : bar(
          `faster than ${clush}`,
          faster >= (isCold ? 4 : 2.5),
          `${fixed(faster, 1)} ×`,
          `≥ ${isCold ? 4 : 2.5} ×`,
        ),
    atMost('CPU per host', cpuPerHost(soundRounds(rounds, ENGINE)), isCold ? 5 : 0.6, 'ms'),
  ];
}

function soundRounds(rounds: Rounds, name: string): readonly Taken[] {
  return (rounds.get(name) ?? []).filter((one) => one !== undefined);
}

function cpuPerHost(rounds: readonly Taken[]): number | undefined {
  return median(rounds.map(({ cpuMs }) => cpuMs / hostCount));
}

// ── a file ───────────────────────────────────────────────────────────────────────────────────────────────

async function measureCopying(): Promise<void> {
  const copies = await measureCopies({
    megabytes: flags.quick ? 64 : 512,
    rounds: roundCount,
    hosts: flags.quick ? 2 : 8,
    hasPeers: !flags['no-peers'],
    say,
  });
  report.push(...formatCopies(copies, roundCount));
  results.copy = copies.map(({ title, bytes, rounds }) => ({
    title,
    bytes,
    rounds: Object.fromEntries(rounds),
  }));
}

// ── answers while it works ───────────────────────────────────────────────────────────────────────────────

async function measureAnswers(): Promise<void> {
  say('acks: the bot, a Slack and its hosts');
  const wish = flags.quick
    ? { jobs: 200, commands: 40, concurrency: 100, jobSeconds: 2 }
    : { jobs: 1_000, commands: 200, concurrency: 100, jobSeconds: 3 };
  const figures: AckFigures = await measureAcks(wish);
  const idle = figures.idleResultMs;
  report.push(
    '',
    `${wish.jobs} jobs, ${wish.concurrency} at a time, ${wish.jobSeconds} s each; ${figures.sent} slash commands meanwhile`,
    ...table([
      [
        'slash command to ack',
        `p50 ${fixed(figures.ackP50Ms, 0)} ms`,
        `p99 ${fixed(figures.ackP99Ms, 0)} ms`,
        `max ${fixed(figures.ackMaxMs, 0)} ms`,
        `${figures.unanswered} unanswered`,
      ],
      [
        'event loop of the bot',
        '',
        `p99 ${fixed(figures.botLoopP99Ms, 0)} ms`,
        `max ${fixed(figures.botLoopMaxMs, 0)} ms`,
        'a timer of 10 ms included',
      ],
      ['event loop of Slack', '', `p99 ${fixed(figures.slackLoopP99Ms, 0)} ms`, '', 'the same'],
      [
        'host’s end to its result in the thread, idle channel',
        `p50 ${fixed(median(idle), 0)} ms`,
        '',
        `max ${fixed(quantile(idle, 1), 0)} ms`,
        `${idle.length} runs`,
      ],
      [
        'the run',
        `${fixed(figures.runSeconds, 1)} s`,
        '',
        `${fixed(figures.botRssMb, 0)} MB RSS`,
        `${fixed(figures.botCpuMsPerJob, 1)} ms CPU/job`,
      ],
    ]),
    atMost('ack p99', figures.ackP99Ms, 100, 'ms'),
    atMost('event-loop delay p99', figures.botLoopP99Ms, 50, 'ms'),
    atMost('result in the thread', quantile(idle, 1), 1_000, 'ms'),
  );
  results.acks = figures;
}

async function measureLoggingIn(): Promise<void> {
  const hosts = Number(flags.hosts ?? (flags.quick ? 100 : 1_000));
  say(`logins: the bot and ${hosts} hosts`);
  const figures = await measureLogins(hosts);
  report.push('', ...formatLogins(figures));
  results.logins = figures;
}

async function measureFleetAtOnce(): Promise<void> {
  const hosts = Number(flags.hosts ?? (flags.quick ? 1_000 : 10_000));
  say(`many: the bot and ${hosts} hosts`);
  const figures = await measureMany(hosts);
  report.push('', ...formatMany(figures));
  results.many = figures;
}

async function measureWorstExpressions(): Promise<void> {
  say('expressions: the bot with 10,000 hosts');
  const figures = await measureExpressions();
  report.push(
    '',
    `${figures.hosts.toLocaleString('en')} hosts; ${figures.sent} commands with the worst expressions that the grammar allows`,
    ...table([
      [
        'slash command to ack',
        `p50 ${fixed(figures.ackP50Ms, 0)} ms`,
        `p99 ${fixed(figures.ackP99Ms, 0)} ms`,
        `max ${fixed(figures.worst.ackMs, 0)} ms`,
        `${figures.unanswered} unanswered`,
        figures.worst.text,
      ],
      ['of these with all', `p50 ${fixed(figures.allMs, 0)} ms`],
    ]),
    atMost('ack p99, worst expression', figures.ackP99Ms, 100, 'ms'),
  );
  results.expressions = figures;
}

// ── a thread to be read ──────────────────────────────────────────────────────────────────────────────────

async function measureThreads(): Promise<void> {
  const seen: Visibility[] = [];
  for (const round of ROUNDS.filter(({ hosts }) => !flags.quick || hosts <= 1_000)) {
    say(`visibility: ${round.hosts} hosts, ${round.outputBytes} bytes each`);
    seen.push(await measureVisibility(round));
  }
  report.push('', ...formatVisibility(seen));
  results.visibility = seen;
}

// ── years of use ─────────────────────────────────────────────────────────────────────────────────────────

async function measureAge(): Promise<void> {
  const jobs = flags.quick ? 10_000 : 1_000_000;
  say(`years: a database with ${jobs} jobs`);
  const figures = await measureYears(jobs);
  report.push('', ...formatYears(figures));
  results.years = figures;
}

// ── jobs a second ────────────────────────────────────────────────────────────────────────────────────────

async function measureEngines(): Promise<void> {
  const most = Number(flags.jobs ?? (flags.quick ? 1_000 : 100_000));
  const figures = await measureJobs({
    growth: [100, 1_000, 10_000, 100_000].filter((count) => count <= most),
    replicas: flags.quick ? [1, 2] : [1, 2, 3],
    jobs: Math.min(most, 20_000),
    say,
  });
  report.push('', ...formatJobs(figures));
  results.jobs = figures;
}
