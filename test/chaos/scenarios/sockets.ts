import { setTimeout as delay } from 'node:timers/promises';
import { between } from '../world/random.ts';
import { goesOn, type Scenario } from './scenario.ts';

/** Slack's own comings and goings: sockets that are to be renewed, or die, while commands come and run. */
export const sockets: Scenario = {
  name: 'sockets',
  about: 'Socket Mode refresh and dead sockets in mid-command; everything is brought twice and more',
  setUp: () => ({ slack: { pace: { refreshMs: 400 } } }),
  async run(world, scale) {
    const { slack, random } = world;
    await world.start();
    for (let round = 1; await goesOn(world, scale, round); round++) {
      const half = Math.ceil(world.hostCount / 2);
      const first = world.ask({ hosts: half });
      if (round % 2 === 0) slack.refreshSockets('all');
      else {
        await delay(between(random, 0, 30));
        slack.dropSockets();
      }
      const second = world.ask({ hosts: half });
      if (round % 3 === 0) slack.order({ kind: 'ghost', method: 'slash_commands', times: 1 });
      const brought = await Promise.all([first.outcome, second.outcome]);
      // The same envelopes once more: at once and twice, when its run goes on or has ended, after a crash.
      await Promise.all(brought.flatMap((outcome) => [outcome.redeliver(), outcome.redeliver()]));
      await delay(between(random, 0, 500));
      await Promise.all(brought.map((outcome) => outcome.redeliver()));
      if (round % 4 === 1) {
        world.crash();
        await world.restart();
        await Promise.all(brought.map((outcome) => outcome.redeliver()));
      }
      await slack.waitFor(() => slack.socketCount > 0, 30_000);
    }
  },
};
