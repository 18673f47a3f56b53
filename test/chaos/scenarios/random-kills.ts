import { setTimeout as delay } from 'node:timers/promises';
import { CANCEL_ACTION } from '../../../src/report/buttons.ts';
import { ADA } from '../../rigs/bot.ts';
import { between } from '../world/random.ts';
import type { World } from '../world/world.ts';
import { goesOn, type Scenario } from './scenario.ts';

/** Whenever it comes: while it starts, works, is cancelled, stops. Each fourth run is cancelled by its person. */
export const randomKills: Scenario = {
  name: 'random-kills',
  about: 'kill -9 at any time, also on top of a stop',
  setUp: () => ({}),
  async run(world, scale) {
    const { random } = world;
    await world.start();
    for (let round = 1; await goesOn(world, scale, round); round++) {
      const first = world.ask({ hosts: Math.ceil(world.hostCount / 2), options: '-c 30' });
      const second = world.ask({ hosts: Math.floor(world.hostCount / 2) });
      const cancelling = round % 2 === 0 ? cancelSoon(world, first) : undefined;
      await delay(between(random, 0, 1_500));
      if (round % 3 !== 0) world.crash();
      else {
        const one = world.pick();
        one.terminate();
        await delay(between(random, 0, 800));
        world.kill(one);
      }
      await Promise.allSettled([first.outcome, second.outcome, cancelling]);
      await world.restart();
    }
  },
};

/** As soon as there is something to press. */
async function cancelSoon(world: World, asked: ReturnType<World['ask']>): Promise<void> {
  const root = await world.slack.waitFor(() => world.rootOf(asked), 1_500);
  await world.slack.click({ user: ADA, channel: asked.channel, ts: root.ts, actionId: CANCEL_ACTION });
}
