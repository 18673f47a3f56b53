import { expect, test } from 'vitest';
import { ADA, AUDIT, type Bot, EVERYTHING, makeHome, openTeamSlack, shown, startBot } from '../rigs/bot.ts';
import { askHealth, freePort } from '../rigs/processes.ts';

const FILES = {
  'inventory.ini': '[h1]\nip = 127.0.0.1\nport = 1\nuser = ops\npassword = hunter2hunter2\n',
  'allowlist.ini': EVERYTHING,
};
const UP = { timeout: 60_000, interval: 250 };

const othersIn = async (port: number): Promise<string | undefined> =>
  /^batchops_other_bots (\d+)/m.exec((await askHealth(port, '/metrics'))?.text ?? '')?.[1];

test('two bots on one token say so, both of them: in the log, the metrics, the audit channel and Home', async () => {
  await using slack = await openTeamSlack();
  await using oneHome = await makeHome(FILES);
  await using otherHome = await makeHome(FILES);
  const [port, otherPort] = [await freePort(), await freePort()];
  await using one = await startBot(oneHome, slack, { BATCHOPS_HTTP_ADDR: `127.0.0.1:${port}` });
  await expect.poll(() => slack.messages(AUDIT).length, UP).toBeGreaterThan(0);
  expect(await othersIn(port)).toBe('0');
  await using other = await startBot(otherHome, slack, { BATCHOPS_HTTP_ADDR: `127.0.0.1:${otherPort}` });

  await expect.poll(() => othersIn(port), UP).toBe('1');
  await expect.poll(() => othersIn(otherPort), UP).toBe('1');
  const isSaid = (bot: Bot) => bot.output().includes('another process posts with our token');
  expect([one, other].map(isSaid)).toEqual([true, true]);
  const lines = () => slack.messages(AUDIT).filter(({ text }) => text.includes('*other-process*')).length;
  await expect.poll(lines, UP).toBe(2);

  await slack.openHome({ user: ADA });
  const home = await slack.waitFor(() => slack.home(ADA));
  expect(shown(home)).toMatch(/Another process writes with this bot's token\*, last in <#C0AUD0001> at /);
  expect(slack.violations).toEqual([]);
  expect(await other.stop()).toBe(0);

  // One that is alone again, and started anew, has nothing to say about it.
  expect(await one.stop()).toBe(0);
  await using again = await startBot(oneHome, slack, { BATCHOPS_HTTP_ADDR: `127.0.0.1:${port}` });
  await slack.openHome({ user: ADA });
  const before = home.hash;
  const quiet = await slack.waitFor(() => slack.home(ADA)?.hash !== before && slack.home(ADA));
  expect(shown(quiet)).not.toContain('Another process');
  expect(await again.stop()).toBe(0);
}, 240_000);
