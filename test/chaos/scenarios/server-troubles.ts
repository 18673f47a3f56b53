import { setTimeout as delay } from 'node:timers/promises';
import type { Asked, Fact } from '../world/asked.ts';
import type { LinkState } from '../world/link.ts';
import { between } from '../world/random.ts';
import type { World } from '../world/world.ts';
import { isHost, isPost, isSlack, nth } from './facts.ts';
import { goesOn, LONGER_THAN_KEPT, PAST_KEPT_MS, roundsOf, type Scale, type Scenario } from './scenario.ts';

/** Down for so long the server is back before anybody gives up what they hold: after 8 s. Its start takes the rest. */
const SHORT_MS = 2_000;
/** Beyond that, and beyond the lease of 10 s. */
const LONG_MS = 13_000;

/** A run on all hosts, and what happens to it once it has begun on some. */
async function inMidRun(world: World, what: () => Promise<void>, seconds?: string): Promise<void> {
  await world.begin({ hosts: world.hostCount, ...(seconds !== undefined && { seconds }) });
  await delay(between(world.random, 0, 400));
  await what();
}

type Asking = () => Asked | undefined;

/** Where a step is done and the next one is not: the server goes within it. */
const STEPS: readonly { readonly name: string; readonly fact: (asked: Asking) => (fact: Fact) => boolean }[] =
  [
    { name: 'a command is brought', fact: () => isSlack('frame', 'slash_commands') },
    { name: 'its message is posted', fact: () => isPost(false) },
    { name: 'the first of it began', fact: (asked) => isHost('began', asked) },
    { name: 'it is acked', fact: () => isSlack('ack', 'slash_commands') },
    { name: 'the first of it ended', fact: (asked) => isHost('ended', asked) },
    { name: 'a fifth of it began', fact: (asked) => nth(40, isHost('began', asked)) },
  ];

/** One of its processes, or all of it, at each of the steps; now and then it stays down for a while. */
export const serverCrash: Scenario = {
  name: 'server-crash',
  about:
    'PostgreSQL: kill -9 of the process that serves one of us, and of its first; back within some seconds',
  only: 'postgres',
  loses: false,
  setUp: () => ({}),
  async run(world, scale) {
    const { server, random } = world;
    await world.start();
    for (let round = 0; round < STEPS.length || (await goesOn(world, scale, round + 1)); round++) {
      const step = STEPS[round % STEPS.length];
      const isOne = random() < 0.4;
      world.note(`${isOne ? 'one of its processes' : 'its first process'}: ${step?.name}`);
      let killed = Promise.resolve();
      let asked: Asked | undefined;
      const struck = world.when(step?.fact(() => asked) ?? (() => true), () => {
        if (isOne) server.killBackend(random);
        else killed = server.kill();
      });
      asked = world.ask({ hosts: world.hostCount });
      await struck;
      await killed;
      if (!isOne) {
        if (random() < 0.3) await delay(between(random, 0, SHORT_MS));
        await server.start();
      }
      await asked.outcome;
      // Somebody to whom it was refused asks once more.
      await world.begin({ hosts: 10 });
    }
  },
};

/** For seconds, and past every lease: what runs then is given up, and told late. */
export const serverAway: Scenario = {
  name: 'server-away',
  about: 'PostgreSQL stands still (SIGSTOP of all its processes) or is down, for up to 13 s',
  only: 'postgres',
  setUp: () => ({}),
  async run(world, scale) {
    await world.start();
    for (let round = roundsOf(world, scale); round > 0; round--) {
      const ms = round % 2 === 0 ? LONG_MS : between(world.random, 500, 5_000);
      // Some of the commands end while it is away.
      await inMidRun(world, () => beAway(world, ms, round % 3 === 0), '0.1-6');
    }
  },
};

async function beAway(world: World, ms: number, isDown: boolean): Promise<void> {
  const { server } = world;
  world.note(`${isDown ? 'down' : 'stopped'} for ${(ms / 1_000).toFixed(1)} s`);
  world.troubleAll();
  if (isDown) await server.kill();
  else server.freeze();
  await delay(ms);
  if (isDown) await server.start();
  else server.thaw();
  world.troubleAll();
}

const STATES: readonly LinkState[] = ['cut', 'mute', 'deaf', 'reset', 'slow'];

/** The way between one of the processes and the server; what did not pass passes late, or its connections are gone. */
export const partition: Scenario = {
  name: 'partition',
  about:
    'one process and PostgreSQL are parted: both ways, one way, by resets, by slowness; for up to 27 s, while its commands go on',
  only: 'postgres',
  setUp: () => ({}),
  async run(world, scale) {
    await world.start();
    for (const [round, state] of everyState(world, scale).entries()) {
      const isBrief = scale.isShort ? round > 0 : round % 3 === 2;
      const longMs = !scale.isShort && round % 3 === 1 ? PAST_KEPT_MS : LONG_MS;
      const ms = isBrief ? between(world.random, 500, scale.isShort ? 1_000 : 6_000) : longMs;
      // Whoever is cut off has to end these itself, or others begin there while they go on.
      const long =
        isBrief || scale.isShort ? undefined : await world.begin({ hosts: 20, seconds: LONGER_THAN_KEPT });
      const one = long === undefined ? world.pick() : world.holderOf(long);
      await inMidRun(
        world,
        async () => {
          world.note(`${one.name}: ${state} for ${(ms / 1_000).toFixed(1)} s`);
          one.cutOff(state);
          const second = world.ask({ hosts: 20 });
          await delay(ms);
          one.reconnect(world.random() < 0.5);
          await second.outcome;
        },
        '0.1-3',
      );
    }
  },
};

function everyState(world: World, scale: Scale): readonly LinkState[] {
  if (scale.isShort) return ['cut', 'reset'];
  return Array.from({ length: roundsOf(world, scale) }, (_, n) => STATES[n % STATES.length] ?? 'cut');
}
