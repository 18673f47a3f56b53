import { atMost, fixed, table } from '../report.ts';
import { FAN_OUT, openLoginStage, type Round } from './stage.ts';

const LIMIT_MS = 150_000;

interface LoginFigures {
  readonly hosts: number;
  readonly hasPrecedence: boolean;
  /** No connection yet; then over those that were kept. */
  readonly cold: Round;
  readonly warm: Round;
}

/** How the bot answers while it logs in everywhere. */
export async function measureLogins(hosts: number): Promise<LoginFigures> {
  await using stage = await openLoginStage(hosts, true);
  const { hasPrecedence } = stage;
  return {
    hosts,
    hasPrecedence,
    cold: await stage.run('df -h', LIMIT_MS),
    warm: await stage.run('df -h', LIMIT_MS),
  };
}

export function formatLogins({ hosts, hasPrecedence, cold, warm }: LoginFigures): readonly string[] {
  return [
    `df -h on ${hosts} addresses of a real sshd, ${FAN_OUT} at a time; slash commands meanwhile; ${
      hasPrecedence
        ? 'bot and Slack come before the hosts on the processor that they share'
        : 'the hosts take the processor from the bot (as root they do not)'
    }`,
    ...roundTable([
      ['no connection yet', cold],
      ['connections kept', warm],
    ]),
    atMost('ack p99 while they log in', cold.ackP99Ms, 50, 'ms'),
    atMost('event-loop delay p99 while they log in (a timer of 10 ms included)', cold.loopP99Ms, 50, 'ms'),
    atMost('the longest turn of the loop while they log in, of the processor', cold.turns.cpuMaxMs, 20, 'ms'),
  ];
}

export function roundTable(rounds: readonly (readonly [string, Round])[]): readonly string[] {
  const triple = (...all: (number | undefined)[]): string => all.map((ms) => fixed(ms, 0)).join(' / ');
  return table([
    [
      'p50 / p99 / max, ms',
      'run',
      'ack',
      'unanswered',
      'loop delay',
      'a turn, CPU',
      'above 20',
      'wall p99 / max',
      'CPU/host',
      'RSS',
      'kept',
    ],
    ...rounds.map(([name, { turns, ...of }]) => [
      name,
      `${fixed(of.seconds, 1)} s, ${of.ok} ok`,
      triple(of.ackP50Ms, of.ackP99Ms, of.ackMaxMs),
      `${of.unanswered}`,
      triple(of.loopP50Ms, of.loopP99Ms, of.loopMaxMs),
      `${fixed(turns.cpuP50Ms, 1)} / ${fixed(turns.cpuP99Ms, 1)} / ${fixed(turns.cpuMaxMs, 1)}`,
      `${turns.above} of ${turns.count}`,
      `${fixed(turns.wallP99Ms, 1)} / ${fixed(turns.wallMaxMs, 1)}`,
      `${fixed(of.cpuMsPerHost, 1)} ms`,
      `${fixed(of.rssMb, 0)} MB`,
      `${of.kept}`,
    ]),
  ]);
}
