import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Bot } from '../../rigs/bot.ts';
import { CAN_MOUNT } from '../../rigs/small-disk.ts';
import { HAS_SSHD } from '../../rigs/sshd.ts';
import { type Promised, readPromises } from './table.ts';
import { halfBytes, isRunning, type Line, lookAtLeft, openWorld, Run, SLEEPS, type World } from './world.ts';

const WITHIN = { timeout: 60_000, interval: 5 };
const until = (isSo: () => boolean) => expect.poll(isSo, WITHIN).toBe(true);

type Seen = Promised;

/** A command on a host, once it runs there. */
async function command(world: World, host: keyof typeof SLEEPS): Promise<Run> {
  const sleep = SLEEPS[host];
  const run = await Run.begin(world, `sleep ${sleep}`, `-h ${host} -cmd "sleep ${sleep}"`);
  await until(() => isRunning(sleep));
  return run;
}

/** A put of the large file, once some of it is there. */
async function put(world: World, host: Line, more = ''): Promise<Run> {
  const folder = world.home.path(host);
  const run = await Run.begin(
    world,
    `${folder}/`,
    `-h ${host} ${more} -action put large ${folder}/`,
    '/batch_scp',
  );
  await until(() => halfBytes(folder) > 0);
  return run;
}

/** The same of a get. */
async function get(world: World, host: Line): Promise<Run> {
  const run = await Run.begin(
    world,
    `of-${host}`,
    `-h ${host} -action get ${world.home.path('large')} of-${host}`,
    '/batch_scp',
  );
  await until(() => halfBytes(world.home.path('data/transfers', `of-${host}`)) > 0);
  return run;
}

async function see(world: World, run: Run, folder: string, host: string, sleep?: number): Promise<Seen> {
  const ending = await run.ending();
  const isThere = ['large', 'medium'].some((name) => existsSync(world.home.path(folder, name)));
  const left = lookAtLeft(world, folder, host, sleep);
  return { ...ending, left: isThere ? `the whole file, ${left}` : left };
}

const FAULTS: Readonly<Record<string, (world: World) => Promise<Seen>>> = {
  async 'a host dies before the login'(world) {
    const run = await Run.begin(world, 'echo dead', '-h dead -cmd "echo dead"');
    return await see(world, run, 'dies-in-get', 'dead');
  },
  async 'a host freezes before the login'(world) {
    const run = await Run.begin(world, 'echo silent', '-h silent -cmd "echo silent"');
    return await see(world, run, 'dies-in-get', 'silent');
  },
  async 'a host dies in a command'(world) {
    const run = await command(world, 'dies-in-command');
    run.faultBegins();
    world.lines['dies-in-command']?.cut();
    return await see(world, run, 'dies-in-command', 'dies-in-command', SLEEPS['dies-in-command']);
  },
  async 'a host freezes in a command'(world) {
    const run = await command(world, 'freezes-in-command');
    run.faultBegins();
    world.lines['freezes-in-command']?.freeze();
    return await see(world, run, 'freezes-in-command', 'freezes-in-command', SLEEPS['freezes-in-command']);
  },
  async 'a host dies in a put'(world) {
    const run = await put(world, 'dies-in-put');
    run.faultBegins();
    world.lines['dies-in-put']?.cut();
    return await see(world, run, 'dies-in-put', 'dies-in-put');
  },
  async 'a host freezes in a put with `-t 10s`'(world) {
    const run = await put(world, 'freezes-in-put', '-t 10s');
    run.faultBegins();
    world.lines['freezes-in-put']?.freeze();
    return await see(world, run, 'freezes-in-put', 'freezes-in-put');
  },
  async 'a host dies in a get'(world) {
    const run = await get(world, 'dies-in-get');
    run.faultBegins();
    world.lines['dies-in-get']?.cut();
    const seen = await see(world, run, 'dies-in-get', 'dies-in-get');
    expect(readdirSync(world.home.path('data/transfers/of-dies-in-get/dies-in-get'))).toEqual([]);
    return seen;
  },
  async 'the bastion of a host dies in a command'(world) {
    const run = await command(world, 'behind');
    run.faultBegins();
    world.lines.bastion?.cut();
    return await see(world, run, 'dies-in-get', 'behind', SLEEPS.behind);
  },
  async 'a host shows another key than the known one'(world) {
    const run = await Run.begin(world, 'echo changed', '-h changed -cmd "echo changed"');
    return await see(world, run, 'dies-in-get', 'changed');
  },
  async 'the disk of the host is full'(world) {
    const small = world.home.path('small');
    const run = await Run.begin(world, small, `-h full -action put medium ${small}/`, '/batch_scp');
    return await see(world, run, 'small', 'full');
  },
  async 'the disk of the bot is full'(world) {
    const run = await Run.begin(
      world,
      'of-huge',
      `-h real -action get ${world.home.path('huge')} of-huge`,
      '/batch_scp',
    );
    const seen = await see(world, run, 'dies-in-get', 'real');
    expect(halfBytes(world.home.path('data/transfers/of-huge'))).toBe(0);
    return seen;
  },
  async '40 hosts behind one stock sshd (`MaxStartups 10:30:100`)'(world) {
    const run = await Run.begin(world, 'echo crowd', '-h crowd* -cmd "echo crowd"');
    return await see(world, run, 'dies-in-get', 'crowd1');
  },
  async 'one wrong password on 50 hosts'(world) {
    const run = await Run.begin(world, 'echo wrong', '-h wrong* -cmd "echo wrong"');
    return await see(world, run, 'dies-in-get', 'wrong1');
  },
};

/** What goes on, and stands still there, as the bot is killed; then it is started again. */
const KILLS: Readonly<
  Record<string, { begin(world: World): Promise<Run>; see(world: World, run: Run): Promise<Seen> }>
> = {
  'the bot is killed before the login': {
    begin: (world) => Run.begin(world, 'echo unheard', '-h silent -cmd "echo unheard"'),
    see: (world, run) => see(world, run, 'killed-in-get', 'silent'),
  },
  'the bot is killed in a command': {
    begin: (world) => command(world, 'killed-in-command'),
    see: (world, run) =>
      see(world, run, 'killed-in-command', 'killed-in-command', SLEEPS['killed-in-command']),
  },
  'the bot is killed while a host is frozen': {
    async begin(world) {
      const run = await command(world, 'killed-frozen');
      world.lines['killed-frozen']?.freeze();
      return run;
    },
    see: (world, run) => see(world, run, 'killed-frozen', 'killed-frozen', SLEEPS['killed-frozen']),
  },
  'the bot is killed in a command behind a bastion': {
    begin: (world) => command(world, 'killed-behind'),
    see: (world, run) => see(world, run, 'killed-in-get', 'killed-behind', SLEEPS['killed-behind']),
  },
  'the bot is killed in a put': {
    async begin(world) {
      const run = await put(world, 'killed-in-put');
      world.lines['killed-in-put']?.freeze();
      return run;
    },
    see: (world, run) => see(world, run, 'killed-in-put', 'killed-in-put'),
  },
  'the bot is killed in a get': {
    async begin(world) {
      const run = await get(world, 'killed-in-get');
      world.lines['killed-in-get']?.freeze();
      return run;
    },
    see: (world, run) => see(world, run, 'killed-in-get', 'killed-in-get'),
  },
};

const promises = readPromises();

async function compare(seen: readonly (readonly [string, Seen])[]): Promise<void> {
  for (const [happens, { outcome, left, seconds }] of seen) {
    const promised = promises.get(happens);
    expect
      .soft({ happens, outcome, left })
      .toEqual({ happens, outcome: promised?.outcome, left: promised?.left });
    expect.soft(seconds, happens).toBeLessThan(promised?.seconds ?? 0);
  }
}

describe.skipIf(!HAS_SSHD || !CAN_MOUNT)('what breaks, through the real bot and a real sshd', () => {
  test("each fault ends as README's table says, in that time, and leaves that", async () => {
    expect([...promises.keys()].toSorted()).toEqual(
      [...Object.keys(FAULTS), ...Object.keys(KILLS)].toSorted(),
    );
    await using world = await openWorld();
    await using bot: Bot = await world.start();
    await compare(
      await Promise.all(
        Object.entries(FAULTS).map(async ([happens, breakIt]) => [happens, await breakIt(world)] as const),
      ),
    );
    const begun: (readonly [string, Run])[] = [];
    for (const [happens, { begin }] of Object.entries(KILLS)) begun.push([happens, await begin(world)]);
    await bot.stop('SIGKILL');
    for (const [, run] of begun) run.faultBegins();
    await using again = await world.start();
    const seen = begun.map(async ([happens, run]) => {
      const kill = KILLS[happens];
      if (kill === undefined) throw new Error(happens);
      return [happens, await kill.see(world, run)] as const;
    });
    await compare(await Promise.all(seen));

    // What a put has left goes with the next job there.
    world.lines['killed-in-put']?.thaw();
    const next = await Run.begin(world, 'echo next', '-h killed-in-put -cmd "echo next"');
    expect(await see(world, next, 'killed-in-put', 'killed-in-put')).toMatchObject({
      outcome: 'ok',
      left: 'nothing',
    });
    expect(again.output()).not.toMatch(/"level":(50|60)/);
    expect(world.slack.violations).toEqual([]);
  }, 240_000);
});
