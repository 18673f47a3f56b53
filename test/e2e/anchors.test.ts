import { execFileSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { AUDIT, EVERYTHING, MAIN, makeHome, openTeamSlack, startBot } from '../rigs/bot.ts';

test('each life of the bot shows the head of its chain in the channel, and a chain that is another says so', async () => {
  await using home = await makeHome({
    'inventory.ini': '[h1]\nip = 127.0.0.1\nport = 1\nuser = ops\npassword = hunter2hunter2\n',
    'allowlist.ini': EVERYTHING,
  });
  await using slack = await openTeamSlack();
  const anchors = async (count: number) => {
    const found = () => slack.messages(AUDIT).filter(({ text }) => text.includes('anchored'));
    await slack.waitFor(() => found().length >= count, 20_000);
    return found().map(({ text }) => text);
  };
  const live = async (before: number): Promise<readonly string[]> => {
    await using bot = await startBot(home, slack);
    await anchors(before + 1);
    expect(await bot.stop()).toBe(0);
    return (await anchors(before + 2)).slice(before);
  };
  const [first = '', stop = ''] = await live(0);
  expect(first).toMatch(/at the start · `a chain begins to be shown here: no head of it was posted before/);
  expect(stop).toMatch(/at the stop · `\d+:[0-9a-f]{64}`/);
  const head = /`(\d+:[0-9a-f]{64})`/.exec(stop)?.[1] ?? '';
  const verify = (): string =>
    execFileSync(process.execPath, [MAIN, 'audit', 'verify', '--head', head], {
      cwd: home.folder,
      encoding: 'utf8',
      stdio: 'pipe',
    });
  expect(verify()).toMatch(/^note: the chain holds the head/);
  expect((await live(2)).join()).not.toContain('a chain begins');

  for (const end of ['', '-wal', '-shm']) await rm(home.path(`data/batchops.db${end}`), { force: true });
  expect((await live(4))[0]).toMatch(/a chain begins to be shown here/);
  expect(verify).toThrow(/Command failed/);
}, 120_000);
