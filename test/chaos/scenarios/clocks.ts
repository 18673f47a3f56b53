import { setTimeout as delay } from 'node:timers/promises';
import { between } from '../world/random.ts';
import { roundsOf, type Scenario } from './scenario.ts';

const HOUR_MS = 3_600_000;
const JUMPS_MS = [HOUR_MS, -HOUR_MS, 36 * HOUR_MS, -36 * HOUR_MS, 5_000, -60_000];

/** The wall clock of one of them is set, forward and back, while jobs run and while the bot is down; that of the machine goes on. */
export const clocks: Scenario = {
  name: 'clocks',
  about: 'the wall clock jumps by up to 36 hours, both ways, also while the bot is down',
  setUp: () => ({ setsClock: true }),
  async run(world, scale) {
    await world.start();
    for (let round = roundsOf(world, scale); round > 0; round--) {
      const asked = await world.begin({ hosts: world.hostCount });
      await delay(between(world.random, 0, 300));
      const jumpMs = JUMPS_MS[round % JUMPS_MS.length] ?? 0;
      const one = world.pick();
      if (round % 3 !== 0) one.setClock(jumpMs);
      else {
        world.kill(one);
        await one.bot.ended;
        one.setClock(jumpMs);
        await world.restart();
      }
      await asked.outcome;
    }
  },
};
