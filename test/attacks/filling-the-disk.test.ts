import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ADA, ada, finished, OPS, openStage, type Stage, shown } from '../rigs/bot.ts';
import { askHealth } from '../rigs/processes.ts';
import { HAS_SSHD } from '../rigs/sshd.ts';

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
});
