import { writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { between } from '../world/random.ts';
import type { World } from '../world/world.ts';
import { roundsOf, type Scenario } from './scenario.ts';

const HOUR_MS = 3_600_000;
const JUMPS_MS = [HOUR_MS, -HOUR_MS, 36 * HOUR_MS, -36 * HOUR_MS, 5_000, -60_000];

/** The wall clock is set, forward and back, while jobs run and while the bot is down; that of the machine goes on. */
export const clocks: Scenario = {
  name: 'clocks',
  about: 'the wall clock jumps by up to 36 hours, both ways, also while the bot is down',
  setUp: () => ({ setsClock: true }),
  async run(world, scale) {
    await world.start();
    for (let round = roundsOf(world, scale); round > 0; round--) {
      const asked = world.ask({ hosts: world.hostCount });
      await world.hosts.waitFor(() => world.hosts.events.some(({ tag }) => tag === asked.tag), 30_000);
      await delay(between(world.random, 0, 300));
      const jumpMs = JUMPS_MS[round % JUMPS_MS.length] ?? 0;
      if (round % 3 !== 0) setClock(world, jumpMs);
      else {
        world.crash();
        await world.bot.ended;
        setClock(world, jumpMs);
        await world.restart();
      }
      await asked.outcome;
    }
  },
};

/** By so much off the real one. */
function setClock(world: World, offsetMs: number): void {
  writeFileSync(world.clockFile, String(offsetMs));
  if (world.bot.process.exitCode === null && world.bot.process.signalCode === null)
    world.bot.process.kill('SIGUSR2');
}
