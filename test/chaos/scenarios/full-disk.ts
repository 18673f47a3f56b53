import { rmSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { CAN_MOUNT, mountSmall } from '../../rigs/small-disk.ts';
import { between } from '../world/random.ts';
import { roundsOf, type Scenario } from './scenario.ts';

const DISK_KIB = 48 * 1024;
/** A PostgreSQL with nothing in it takes some 90 MiB. */
const SERVER_KIB = 224 * 1024;

/**
 * The disk of the database has no byte left in mid-run, for some seconds; now and then a bot is killed in them. A
 * PostgreSQL refuses what needs room (53100), and goes down where its log has none. The bot's own disk, where long
 * output goes, is full as well then.
 */
export const fullDisk: Scenario = {
  name: 'full-disk',
  about:
    'no room for a byte on the disk of the database, and of the bot, while jobs run and end, with and without a kill in it',
  lacks: () => (CAN_MOUNT ? undefined : 'a disk of its own takes the right to mount one'),
  setUp: (store) => ({
    env: { BATCHOPS_FREE_SPACE: '1M', BATCHOPS_SPOOL_QUOTA: '8M' },
    ...(store === 'postgres' && { serverKib: SERVER_KIB }),
  }),
  async run(world, scale) {
    for (const { home } of world.replicas) world.keep(mountSmall(home.path('data'), DISK_KIB));
    await world.start();
    const fillers = world.replicas.map(({ home }) => home.path('data/filler'));
    if (world.isShared) fillers.push(world.server.filler);
    for (let round = roundsOf(world, scale); round > 0; round--) {
      const asked = await world.begin({ hosts: world.hostCount, options: '-c 40', fillBytes: 2_000 });
      await delay(between(world.random, 0, 300));
      for (const filler of fillers) fill(filler);
      // Longer than is kept in memory: there is no room for the rest.
      const long = world.ask({ hosts: 5, fillBytes: 200_000 });
      await delay(between(world.random, 500, 2_500));
      const killed = round % 3 === 0 ? world.pick() : undefined;
      if (killed !== undefined) {
        world.kill(killed);
        await killed.bot.ended;
      }
      for (const filler of fillers) rmSync(filler);
      if (world.isShared && (await world.server.revive()))
        world.note('PostgreSQL was down, and is started again');
      if (killed !== undefined) await world.restart();
      // The next one would be refused while what is left of the last is still being written.
      await Promise.all([asked.outcome, long.outcome]);
    }
  },
};

function fill(filler: string): void {
  for (const bytes of [1024 * 1024, 4096, 1]) {
    try {
      for (;;) writeFileSync(filler, Buffer.alloc(bytes), { flag: 'a' });
    } catch {
      // That much does not fit any more.
    }
  }
}
