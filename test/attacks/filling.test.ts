import { appendFileSync, existsSync } from 'node:fs';
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { codeOf } from '../../src/errors.ts';
import {
  ADA,
  ADDRESSES,
  ada,
  EVERYTHING,
  finished,
  inventoryOf,
  makeHome,
  OPS,
  openStage,
  openTeamSlack,
  type Stage,
  shown,
  startBot,
} from '../rigs/bot.ts';
import { askHealth } from '../rigs/processes.ts';
import { CAN_MOUNT, mountSmall } from '../rigs/small-disk.ts';
import { HAS_SSHD, startSshd } from '../rigs/sshd.ts';

const MIB = 1024 ** 2;
const WITHIN = { timeout: 20_000, interval: 100 };

/** Until the disk takes no byte more. */
function fill(path: string): void {
  for (const piece of [Buffer.alloc(MIB), Buffer.alloc(4_096)]) {
    try {
      for (;;) appendFileSync(path, piece);
    } catch (error) {
      if (codeOf(error) !== 'ENOSPC') throw error;
    }
  }
}

async function filesIn(folder: string): Promise<readonly string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return found.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

async function bytesIn(folder: string): Promise<number> {
  const sizes = await Promise.all((await filesIn(folder)).map(async (path) => (await stat(path)).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function answerTo({ slack }: Stage, text: string, command: string): Promise<string> {
  const outcome = await slack.command(ada(text, command));
  return shown(await slack.waitFor(() => outcome.answers()[0], 10_000));
}

const healthPort = ({ bot }: Stage): number =>
  Number(/"health":"127\.0\.0\.1:(\d+)"/.exec(bot.output())?.[1]);

describe.skipIf(!HAS_SSHD)('whoever fills the disk, through the real bot', () => {
  test('hosts at once do not get more into the transfer folder than its quota; the rest is told and removed', async () => {
    await using stage = await openStage({ env: { BATCHOPS_TRANSFER_QUOTA: '1M' } });
    const { slack, home } = stage;
    await writeFile(home.path('big'), Buffer.alloc(700 * 1024));
    await slack.command(ada(`-h h1,h2,h3 -action get ${home.path('big')} took`, '/batch_scp'));
    const root = await finished(slack);
    expect(root.text).toMatch(/1 ok, 2 transfer failed of 3/);
    const words = slack.thread(OPS, root.ts).map(shown).join('\n');
    expect(words).toMatch(
      /the transfer folder has no room for 700\.0 KiB more: it holds .* BATCHOPS_TRANSFER_QUOTA; an administrator/,
    );
    expect(await bytesIn(home.path('data/transfers'))).toBe(700 * 1024);
    expect(await filesIn(home.path('data/transfers'))).toHaveLength(1);

    // Nor does an upload; it is not even fetched.
    slack.upload({ user: ADA, channel: OPS, name: 'large.bin', content: 'x'.repeat(500 * 1024) });
    const refused = await answerTo(
      stage,
      `-h h1 -action put slack:large.bin ${home.path('there')}`,
      '/batch_scp',
    );
    expect(refused).toMatch(
      /large\.bin was not fetched: the transfer folder has no room for 500\.0 KiB more/,
    );
    expect(await filesIn(home.path('data/transfers'))).toHaveLength(1);

    const port = healthPort(stage);
    expect((await askHealth(port, '/metrics'))?.text).toMatch(
      /batchops_disk_used_bytes\{what="transfers"\} 716800/,
    );
  }, 90_000);

  test('output that the spool has no room for is cut in the reply, which says so, and the run ends well', async () => {
    await using stage = await openStage({ env: { BATCHOPS_SPOOL_QUOTA: '1M' } });
    const { slack, home } = stage;
    await slack.command(ada('-h h1 -cmd "seq 1 400000"'));
    const root = await finished(slack);
    expect(root.text).toMatch(/1 ok of 1/);
    const reply = await slack.waitFor(() => slack.thread(OPS, root.ts)[0], 10_000);
    expect(shown(reply)).toContain('of 2.6 MiB left out here: too much to keep');
    expect(await filesIn(home.path('data/spool'))).toEqual([]);
  }, 90_000);

  test('no run is begun on a disk that is nearly full, who can help is said, and /readyz says why', async () => {
    await using stage = await openStage({ env: { BATCHOPS_FREE_SPACE: '900000T' } });
    expect(await answerTo(stage, '-h h1 -cmd "uptime"', '/batch_run')).toMatch(
      /Nothing was run: the bot's disk is nearly full: .* \(BATCHOPS_FREE_SPACE\); an administrator has to make room/,
    );
    const ready = await askHealth(healthPort(stage), '/readyz');
    expect(ready).toMatchObject({
      status: 503,
      text: expect.stringMatching(/^no run is begun: the bot's disk/),
    });
  }, 90_000);

  test('one file larger than all there may be does not come, nor is any of it left', async () => {
    await using stage = await openStage({ env: { BATCHOPS_TRANSFER_QUOTA: '1M' } });
    const { slack, home } = stage;
    await writeFile(home.path('huge'), Buffer.alloc(3 * MIB));
    await slack.command(ada(`-h h1 -action get ${home.path('huge')} took`, '/batch_scp'));
    expect((await finished(slack)).text).toMatch(/1 transfer failed of 1/);
    expect(await filesIn(home.path('data/transfers'))).toEqual([]);
    // The bot does its work.
    await slack.command(ada('-h h1 -cmd "uptime"'));
    expect((await finished(slack, 2)).text).toMatch(/1 ok of 1/);
  }, 90_000);

  test('fifty gets that are small each and too much together stop at the quota, each with its own outcome', async () => {
    const names = Array.from({ length: 50 }, (_, n) => `g${n + 1}`);
    const inventory = names.map((name, n) => `[${name}]\nip = ${ADDRESSES[n % 3]}\n`).join('');
    await using stage = await openStage({ inventory, env: { BATCHOPS_TRANSFER_QUOTA: '2M' } });
    const { slack, home } = stage;
    await writeFile(home.path('small'), Buffer.alloc(100 * 1024));
    await slack.command(ada(`-h g[1-50] -action get ${home.path('small')} took`, '/batch_scp'));
    expect((await finished(slack)).text).toMatch(/20 ok, 30 transfer failed of 50/);
    expect(await bytesIn(home.path('data/transfers'))).toBe(20 * 100 * 1024);
    expect(await filesIn(home.path('data/transfers'))).toHaveLength(20);
  }, 120_000);

  test('a get and an upload that race for the last bytes: one gets them, the other is told', async () => {
    await using stage = await openStage({ env: { BATCHOPS_TRANSFER_QUOTA: '1M' } });
    const { slack, home } = stage;
    await writeFile(home.path('fetched'), Buffer.alloc(700 * 1024));
    slack.upload({ user: ADA, channel: OPS, name: 'shared', content: 'x'.repeat(700 * 1024) });
    const asked = await Promise.all([
      slack.command(ada(`-h h1 -action get ${home.path('fetched')} took`, '/batch_scp')),
      slack.command(ada(`-h h2 -action put slack:shared ${home.path('there')}`, '/batch_scp')),
    ]);
    const answers = (): string =>
      [
        ...asked.flatMap((one) => one.answers()),
        ...slack.messages(OPS).flatMap(({ ts }) => slack.thread(OPS, ts)),
      ]
        .map(shown)
        .join('\n');
    await slack.waitFor(() => answers().includes('has no room for 700.0 KiB more'), 25_000);
    await finished(slack);
    expect(await bytesIn(home.path('data/transfers'))).toBe(700 * 1024);
    expect(await filesIn(home.path('data/transfers'))).toHaveLength(1);
  }, 90_000);

  test('a database that is full takes what runs and nothing new; who asks, /readyz and the metrics are told', async () => {
    await using stage = await openStage({ env: { BATCHOPS_DATABASE_QUOTA: '500K' } });
    const { slack, home } = stage;
    await slack.command(ada('-h h1,h2,h3 -cmd "seq 1 20000"'));
    expect((await finished(slack)).text).toMatch(/3 ok of 3/);
    expect(await answerTo(stage, '-h h1 -cmd "touch ran"', '/batch_run')).toMatch(
      /Nothing was run: the database is full: it holds .*, and may hold 500\.0 KiB \(BATCHOPS_DATABASE_QUOTA\)/,
    );
    expect(await filesIn(home.path('ran'))).toEqual([]);
    const port = healthPort(stage);
    expect(await askHealth(port, '/readyz')).toMatchObject({
      status: 503,
      text: expect.stringMatching(/^no run is begun: the database is full/),
    });
    expect((await askHealth(port, '/metrics'))?.text).toMatch(
      /batchops_disk_quota_bytes\{what="database"\} 512000/,
    );
    expect(await answerTo(stage, 'runs', '/batch')).toContain('seq 1 20000');
  }, 90_000);

  test.skipIf(!CAN_MOUNT)(
    'a disk without a byte left loses no result: it is stored and shown once there is room',
    async () => {
      await using slack = await openTeamSlack();
      await using sshd = await startSshd({ addresses: ADDRESSES });
      await using home = await makeHome({
        key: `${sshd.key.private.trimEnd()}\n`,
        'allowlist.ini': EVERYTHING,
      });
      await writeFile(home.path('inventory.ini'), inventoryOf(sshd, ADDRESSES, home.path('key')));
      using _disk = mountSmall(home.path('data'), 24 * 1_024);
      await mkdir(home.path('data/transfers'));
      await using bot = await startBot(home, slack, { BATCHOPS_FREE_SPACE: '1K' });
      const port = Number(/"health":"127\.0\.0\.1:(\d+)"/.exec(bot.output())?.[1]);

      const [begun, go, ran] = [home.path('begun'), home.path('go'), home.path('ran')];
      const wait = `touch ${begun}; until test -e ${go}; do sleep 0.1; done; echo said-$((40+2)); touch ${ran}`;
      await slack.command(ada(`-h h1 -cmd "${wait}"`));
      await vi.waitFor(() => expect(existsSync(begun)).toBe(true), WITHIN);
      fill(home.path('data/filler'));
      await writeFile(go, '');
      await vi.waitFor(() => expect(existsSync(ran)).toBe(true), WITHIN);
      await vi.waitFor(async () => {
        fill(home.path('data/filler'));
        expect(await askHealth(port, '/readyz')).toMatchObject({ status: 503 });
      }, WITHIN);
      const refused = await slack.command(ada('-h h2 -cmd "uptime"'));
      expect(shown(await slack.waitFor(() => refused.answers()[0], 10_000))).not.toBe('');
      expect(bot.process.exitCode).toBeNull();

      await rm(home.path('data/filler'));
      const root = await finished(slack);
      expect(root.text).toMatch(/1 ok of 1/);
      const reply = await slack.waitFor(() => slack.thread(OPS, root.ts)[0], 10_000);
      expect(shown(reply)).toContain('said-42');
      await vi.waitFor(
        async () => expect(await askHealth(port, '/readyz')).toMatchObject({ status: 200 }),
        WITHIN,
      );
      expect(await bot.stop()).toBe(0);
    },
    120_000,
  );
});
