import { watch } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { CANCEL_ACTION } from '../../../src/report/buttons.ts';
import { within } from '../../../src/time/within.ts';
import { ADA } from '../../rigs/bot.ts';
import { between } from '../world/random.ts';
import type { Asked, Fact, World } from '../world/world.ts';
import { isHost, isPost, isSlack, nth } from './facts.ts';
import type { Scenario } from './scenario.ts';

/**
 * kill -9 at each place where a step is done and the next one is not (facts: storage-queue.md section 10). The bot has
 * no hooks for it: what Slack, the hosts and the disk see of a step is the sign, and the kill comes within it.
 */
interface CrashPoint {
  readonly name: string;
  /** Resolves once the bot was killed there, with a command under way. */
  readonly strike: (world: World, hosts: number) => Promise<void>;
}

function fail(why: string): never {
  throw new Error(why);
}

/** A command, and the kill at a fact that it brings about. */
function at(
  name: string,
  makeFact: (asked: () => Asked | undefined, hosts: number) => (fact: Fact) => boolean,
  wish: { readonly hosts?: number } = {},
): CrashPoint {
  return {
    name,
    async strike(world, hosts) {
      let asked: Asked | undefined;
      const count = wish.hosts ?? hosts;
      const struck = world.when(
        makeFact(() => asked, count),
        (fact) => world.crash(fact),
      );
      asked = world.ask({ hosts: count });
      await struck;
    },
  };
}

/** Within the writes to the disk that follow a fact. */
function atWrite(
  name: string,
  makeFact: (asked: () => Asked | undefined) => (fact: Fact) => boolean,
): CrashPoint {
  return {
    name,
    async strike(world, hosts) {
      let asked: Asked | undefined;
      using stack = new DisposableStack();
      const written = Promise.withResolvers<void>();
      const begun = world.when(
        makeFact(() => asked),
        (fact) => {
          const watcher = watch(world.store.writesTo, () => {
            watcher.close();
            world.crash(fact);
            written.resolve();
          });
          stack.defer(() => watcher.close());
        },
      );
      asked = world.ask({ hosts });
      await begun;
      await within(written.promise, { ms: 30_000, late: () => fail('nothing was written') });
    },
  };
}

/** While a cancel goes on: at once as it is brought, as it is acked, or shortly after. */
function atCancel(name: string, isIt: (fact: Fact) => boolean, maxDelayMs: number): CrashPoint {
  return {
    name,
    async strike(world, hosts) {
      let asked: Asked | undefined;
      const going = world.when(
        nth(
          Math.ceil(hosts / 4),
          isHost('began', () => asked),
        ),
      );
      asked = world.ask({ hosts, seconds: '0.3-0.6' });
      await going;
      const ts = world.rootOf(asked)?.ts ?? '';
      const struck = world.when(isIt);
      void world.slack.click({ user: ADA, channel: asked.channel, ts, actionId: CANCEL_ACTION });
      await struck;
      await delay(between(world.random, 0, maxDelayMs));
      world.crash();
    },
  };
}

export const CRASH_POINTS: readonly CrashPoint[] = [
  at('a command is brought', () => isSlack('frame', 'slash_commands')),
  at('it is acked', () => isSlack('ack', 'slash_commands')),
  atWrite('it is written down', () => isSlack('frame', 'slash_commands')),
  atWrite('what follows the ack is written', () => isSlack('ack', 'slash_commands')),
  at('its message is posted, and not noted', () => isPost(false)),
  at('a job has passed the guard, and began', (asked) => isHost('began', asked)),
  at('half of them began', (asked, hosts) => nth(Math.ceil(hosts / 2), isHost('began', asked))),
  at('a command has ended, its outcome is on the way', (asked) => isHost('ended', asked)),
  atWrite('outcomes are written', (asked) => isHost('ended', asked)),
  at('all have ended, the run has not', (asked, hosts) => nth(hosts, isHost('ended', asked))),
  at('a reply is posted, and not noted', () => isPost(true), { hosts: 5 }),
  at('the files are begun', () => isSlack('call', 'files.getUploadURLExternal')),
  at('the files are there, and not noted', () => isSlack('call', 'files.completeUploadExternal')),
  atCancel('a cancel is brought', isSlack('frame', 'interactive'), 0),
  atCancel('a cancel goes on', isSlack('ack', 'block_actions'), 40),
];

export const crashPoints: Scenario = {
  name: 'crash-points',
  about: `kill -9 at ${CRASH_POINTS.length} points, and while it starts`,
  setUp: () => ({}),
  async run(world, { jobs, isShort }) {
    const points = isShort ? CRASH_POINTS.filter((_, n) => n % 4 === 1) : CRASH_POINTS;
    // At the first of them no run comes about.
    const rounds = isShort ? 1 : Math.ceil(jobs / (world.hostCount * (points.length - 5)));
    await world.start();
    for (const point of Array.from({ length: rounds }, () => points).flat()) {
      world.note(point.name);
      await point.strike(world, world.hostCount);
      await world.restart();
    }
    if (isShort) return;
    // What a start does itself may be cut off as well.
    for (const ms of [600, 900, 1_200]) {
      world.note(`${ms} ms after the start`);
      const one = world.pick();
      world.kill(one);
      await one.bot.ended;
      one.spawn();
      await delay(ms);
      world.kill(one);
      await world.restart();
    }
  },
};
