import { setTimeout as delay } from 'node:timers/promises';
import { between } from '../world/random.ts';
import { goesOn, type Scenario } from './scenario.ts';

/** A new version of it, or of the machine below: all of them in turn, under load, each in order. */
export const rolling: Scenario = {
  name: 'rolling',
  about:
    'each process is stopped (SIGTERM) and started again in turn, under load, twice and more; nothing may be interrupted',
  loses: false,
  setUp: () => ({}),
  async run(world, scale) {
    await world.start();
    for (let round = 1; round <= 2 || (await goesOn(world, scale, round)); round++) {
      for (const one of world.replicas) {
        const first = world.ask({ hosts: world.hostCount, seconds: '0.1-3' });
        await delay(between(world.random, 0, 1_500));
        one.terminate();
        const second = world.ask({ hosts: Math.ceil(world.hostCount / 2) });
        const code = await one.bot.ended;
        if (code !== 0) throw new Error(`${one.name} ended with ${code}`);
        await world.restart();
        await Promise.all([first.outcome, second.outcome]);
      }
      if (scale.isShort) break;
    }
  },
};
