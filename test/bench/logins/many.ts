import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { OPS } from '../../rigs/bot.ts';
import { atMost, bar, fixed } from '../report.ts';
import { roundTable } from './logins.ts';
import { FAN_OUT, openLoginStage, type Round } from './stage.ts';

const LIMIT_MS = 11 * 60_000;

interface ManyFigures {
  readonly hosts: number;
  readonly hasPrecedence: boolean;
  readonly filesLimit: number;
  readonly round: Round;
  readonly peakMb: number;
  /** From the summary to the last of its two files. */
  readonly filesS: number;
  /** The root message, and what stands beneath it. */
  readonly root: string;
  readonly messages: readonly string[];
  readonly files: number;
  readonly knownHosts: number;
}

/** A whole fleet that nobody has seen before, in one run, to its very end. */
export async function measureMany(hosts: number): Promise<ManyFigures> {
  await using stage = await openLoginStage(hosts, false);
  const { slack, bot, home, hasPrecedence, filesLimit } = stage;
  const round = await stage.run('true', LIMIT_MS);
  const since = performance.now();
  const thread = () => slack.thread(OPS, round.rootTs);
  await slack.waitFor(() => thread().flatMap(({ files }) => files).length >= 2, 60_000);
  const filesS = (performance.now() - since) / 1_000;
  const status = await readFile(`/proc/${bot.process.pid}/status`, 'utf8');
  const peakMb = Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]) / 1_024;
  // Known keys are written a little behind the logins; once it has ended all of them are.
  bot.process.kill('SIGTERM');
  if (bot.process.exitCode === null) await once(bot.process, 'exit');
  const lines = (await readFile(home.path('data/known_hosts'), 'utf8')).split('\n');
  return {
    hosts,
    hasPrecedence,
    filesLimit,
    round,
    peakMb,
    filesS,
    root: slack.messages(OPS).find(({ ts }) => ts === round.rootTs)?.text ?? '',
    messages: thread().map(({ text }) => text.slice(0, 200)),
    files: thread().flatMap(({ files }) => files).length,
    knownHosts: new Set(lines.filter((line) => line !== '')).size,
  };
}

export function formatMany(figures: ManyFigures): readonly string[] {
  const { hosts, hasPrecedence, round, root, messages } = figures;
  const count = hosts.toLocaleString('en-US');
  return [
    `true on ${count} addresses of a real sshd that are not known yet, ${FAN_OUT} at a time${hasPrecedence ? ', bot and Slack before the hosts' : ''}; ${figures.filesLimit} open files allowed`,
    ...roundTable([['the whole run', round]]),
    `  at its peak ${fixed(figures.peakMb, 0)} MB; files ${fixed(figures.filesS, 1)} s behind the summary; ${figures.knownHosts} keys in known_hosts`,
    `  thread: ${messages.length} messages, ${figures.files} files; ${JSON.stringify(root.slice(0, 200))}`,
    ...messages.slice(0, 4).map((text) => `    ${JSON.stringify(text)}`),
    bar('hosts that failed', round.ok === hosts, `${hosts - round.ok}`, '0'),
    bar('host keys written', figures.knownHosts === hosts, `${figures.knownHosts}`, count),
    atMost('ack p99 while they log in', round.ackP99Ms, 50, 'ms'),
    atMost('memory at its peak', figures.peakMb, 400, 'MB'),
  ];
}
