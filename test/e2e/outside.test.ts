import { describe, expect, test } from 'vitest';
import {
  ada,
  EVERYTHING,
  type Home,
  MAIN,
  makeHome,
  openTeamSlack,
  shown,
  spawnBot,
  startBot,
} from '../rigs/bot.ts';
import { askHealth, descendantsOf, freePort, isAlive } from '../rigs/processes.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const FILES = {
  'inventory.ini': '[h1]\nip = 127.0.0.1\nport = 1\nuser = ops\npassword = hunter2hunter2\n',
  'allowlist.ini': EVERYTHING,
};
const UP = { timeout: 20_000, interval: 50 };

/** Lines enough that a reader who is gone is noticed. */
const TALKATIVE = { BATCHOPS_LOG_LEVEL: 'trace' };

async function expectServing(slack: Awaited<ReturnType<typeof openTeamSlack>>, port: number): Promise<void> {
  const outcome = await slack.command(ada('help', '/batch'));
  expect(outcome).toMatchObject({ ok: true });
  expect(shown(await slack.waitFor(() => outcome.answers()[0]))).toContain('/batch_run');
  expect(await askHealth(port, '/healthz')).toEqual({ status: 200, text: 'ok' });
}

const linesLost = async (port: number): Promise<number> =>
  Number(/^batchops_log_lines_lost_total (\d+)/m.exec((await askHealth(port, '/metrics'))?.text ?? '')?.[1]);

describe('a log that cannot be written costs the log, never the bot', () => {
  test('where its reader has gone', async () => {
    await using slack = await openTeamSlack();
    await using home = await makeHome(FILES);
    const port = await freePort();
    await using bot = await startBot(home, slack, { ...TALKATIVE, BATCHOPS_HTTP_ADDR: `127.0.0.1:${port}` });
    bot.process.stdout?.destroy();
    bot.process.stderr?.destroy();
    // Slack is gone and comes back: that is worth a line.
    const fault = slack.order({ kind: 'server-error', method: 'apps.connections.open', times: 2 });
    slack.dropSockets();
    await expect.poll(() => fault.struck, UP).toBe(2);
    await expect.poll(() => linesLost(port), UP).toBeGreaterThan(0);
    await slack.waitFor(() => slack.socketCount > 0, 20_000);
    await expectServing(slack, port);
    expect(await bot.stop()).toBe(0);
  }, 60_000);

  test('where the disk is full and stderr is closed', async () => {
    await using slack = await openTeamSlack();
    await using home = await makeHome(FILES);
    const port = await freePort();
    const script = `exec "$0" "$1" > /dev/full 2>&-`;
    await using bot = spawnBot(
      home,
      slack,
      { BATCHOPS_HTTP_ADDR: `127.0.0.1:${port}` },
      { program: '/bin/sh', args: ['-c', script, process.execPath, MAIN] },
    );
    await expect.poll(() => askHealth(port, '/readyz'), UP).toEqual({ status: 200, text: 'ready' });
    expect(await linesLost(port)).toBeGreaterThan(0);
    await expectServing(slack, port);
    expect(await bot.stop()).toBe(0);
  }, 60_000);
});

/** Throws in the middle of nowhere, as often as told by a signal; the error itself throws when looked at. */
const SABOTEUR = `
process.on('SIGUSR2', () => {
  for (let i = 0; i < 3; i += 1) setImmediate(() => {
    throw Object.defineProperty(new Error('a defect'), 'stack', { get() { throw new Error('look away'); } });
  });
});
`;

test('a defect ends the bot once, in order, also where telling of it is the next defect', async () => {
  await using slack = await openTeamSlack();
  await using home = await makeHome({ ...FILES, 'saboteur.mjs': SABOTEUR });
  const port = await freePort();
  await using bot = await startBot(home, slack, {
    NODE_OPTIONS: `--import=${home.path('saboteur.mjs')}`,
    BATCHOPS_HTTP_ADDR: `127.0.0.1:${port}`,
  });
  bot.process.kill('SIGUSR2');
  expect(await bot.ended).toBe(1);
  expect(bot.output()).toContain('"msg":"stopped"');
  expect(slack.socketCount).toBe(0);
}, 60_000);

/** As `npm` finds them: in the folder of the project, so every path is whole. */
const settingsOf = (home: Home): Record<string, string> => ({
  BATCHOPS_INVENTORY: home.path('inventory.ini'),
  BATCHOPS_ALLOWLIST: home.path('allowlist.ini'),
  BATCHOPS_DATABASE_URL: `file:${home.path('data/batchops.db')}`,
  BATCHOPS_TRANSFER_DIR: home.path('data/transfers'),
  BATCHOPS_KNOWN_HOSTS: home.path('data/known_hosts'),
});

describe('whatever starts node hands it the signals', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    'npm start, %s to npm alone',
    async (signal) => {
      await using slack = await openTeamSlack();
      await using home = await makeHome(FILES);
      await using bot = await startBot(home, slack, settingsOf(home), {
        program: 'npm',
        args: ['start'],
        cwd: ROOT,
      });
      const pid = bot.process.pid ?? 0;
      const started = descendantsOf(pid);
      expect(started.length).toBeGreaterThan(0);
      await bot.stop(signal);
      expect(bot.output()).toContain('"msg":"stopped"');
      expect(started.filter(isAlive)).toEqual([]);
    },
    60_000,
  );

  test.each(['SIGTERM', 'SIGINT', 'SIGKILL'] as const)(
    'npm run demo, %s',
    async (signal) => {
      await using slack = await openTeamSlack();
      await using home = await makeHome({});
      const demo = spawnBot(home, slack, { PORT: '0' }, { program: 'npm', args: ['run', 'demo'], cwd: ROOT });
      await expect.poll(demo.output, UP).toContain('Ctrl-C');
      const started = descendantsOf(demo.process.pid ?? 0);
      // The demo itself, and the bot.
      expect(started.length).toBeGreaterThan(1);
      if (signal === 'SIGKILL') process.kill(started[0] ?? 0, signal);
      else demo.process.kill(signal);
      await expect.poll(() => started.filter(isAlive), UP).toEqual([]);
      await demo.ended;
    },
    60_000,
  );
});
