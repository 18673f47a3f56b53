import { rmSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { CAN_MOUNT, mountSmall } from '../../rigs/small-disk.ts';
import { between } from '../world/random.ts';
import type { World } from '../world/world.ts';
import { roundsOf, type Scenario } from './scenario.ts';

const DISK_KIB = 48 * 1024;

/** The disk of the database has no byte left in mid-run, for some seconds; now and then the bot is killed in them. */
export const fullDisk: Scenario = {
  name: 'full-disk',
  about: 'no room for a byte while jobs run and end, with and without a kill in it',
  only: 'sqlite',
  lacks: () => (CAN_MOUNT ? undefined : 'a disk of its own takes the right to mount one'),
  setUp: () => ({ env: { BATCHOPS_FREE_SPACE: '1M', BATCHOPS_SPOOL_QUOTA: '8M' } }),
  async run(world, scale) {
    world.keep(mountSmall(world.replicas[0].home.path('data'), DISK_KIB));
    await world.start();
    for (let round = roundsOf(world, scale); round > 0; round--) {
      const asked = await world.begin({ hosts: world.hostCount, options: '-c 50', fillBytes: 2_000 });
      await delay(between(world.random, 0, 300));
      fill(world);
      await delay(between(world.random, 500, 2_500));
      const isKilled = round % 3 === 0;
      if (isKilled) {
        world.crash();
        await world.replicas[0].bot.ended;
      }
      rmSync(filler(world));
      if (isKilled) await world.restart();
      // The next one would be refused while what is left of the last is still being written.
      await asked.outcome;
    }
  },
};

const filler = (world: World): string => world.replicas[0].home.path('data/filler');

function fill(world: World): void {
  for (const bytes of [1024 * 1024, 4096, 1]) {
    try {
      for (;;) writeFileSync(filler(world), Buffer.alloc(bytes), { flag: 'a' });
    } catch {
      // That much does not fit any more.
    }
  }
}
