import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { RESUME_ACTION } from '../../src/report/buttons.ts';
import type { LocalSlack } from '../../src/sandbox/slack/local-slack.ts';
import {
  ADA,
  ADDRESSES,
  ada,
  BOB,
  EVERYTHING,
  finished,
  inventoryOf,
  makeHome,
  OPS,
  openStage,
  openTeamSlack,
  shown,
  spawnBot,
  startBot,
} from '../rigs/bot.ts';
import { askHealth, freePort } from '../rigs/processes.ts';
import { HAS_SSHD } from '../rigs/sshd.ts';

const UP = { timeout: 25_000, interval: 100 };
const FILES = {
  'inventory.ini': '[h1]\nip = 127.0.0.1\nport = 1\nuser = ops\npassword = hunter2hunter2\n',
  'allowlist.ini': EVERYTHING,
};

const lines = async (path: string): Promise<number> =>
  existsSync(path) ? (await readFile(path, 'utf8')).split('\n').filter(Boolean).length : 0;

/** The bot's own word for when all was last well, put back: as if it had been away for that long. */
function ageBeat(path: string, ms: number): void {
  const database = new DatabaseSync(path, { timeout: 5_000 });
  database.prepare('update beat set at = at - ?, uptime_ms = uptime_ms - ?').run(ms, ms);
  database.close();
}

const rootWith = (slack: LocalSlack, words: RegExp) =>
  slack.waitFor(() => slack.messages(OPS).find((message) => words.test(shown(message))), 25_000);

const press = (slack: LocalSlack, user: string) =>
  slack.click({ user, channel: OPS, ts: slack.messages(OPS)[0]?.ts ?? '', actionId: RESUME_ACTION });

describe.skipIf(!HAS_SSHD)('what waited does not start by itself where nobody was there for long', () => {
  test('the bot was down: held over two starts, for whoever may let it go, once', async () => {
    await using stage = await openStage();
    const { slack, home, bot } = stage;
    const log = home.path('log');
    await slack.command(ada(`-g web -c 1 -cmd "echo ran >> ${log}; sleep 4"`));
    await expect.poll(() => lines(log), UP).toBe(1);
    await bot.stop('SIGKILL');
    ageBeat(home.path('data/batchops.db'), 25 * 60_000);

    await using second = await startBot(home, slack);
    await rootWith(slack, /2 wait: the bot was away for 25 min/);
    expect(await second.stop()).toBe(0);
    await using third = await startBot(home, slack);
    expect(await lines(log)).toBe(1);

    const bobs = await press(slack, BOB);
    expect(shown(await slack.waitFor(() => bobs.answers()[0]))).toMatch(/No rule of this bot names you/);
    const first = await press(slack, ADA);
    const again = await press(slack, ADA);
    expect(shown(await slack.waitFor(() => first.answers()[0]))).toMatch(/goes on: 2 hosts/);
    expect(shown(await slack.waitFor(() => again.answers()[0]))).toMatch(/Nothing of r-\w+ is held/);
    expect((await finished(slack)).text).toMatch(/2 ok, 1 interrupted of 3/);
    expect(await lines(log)).toBe(3);
    expect(slack.violations).toEqual([]);
    expect(await third.stop()).toBe(0);
  }, 90_000);

  test('the bot stood still, as on a suspended machine', async () => {
    await using stage = await openStage({ env: { BATCHOPS_RESUME_WITHIN: '2s' } });
    const { slack, home, bot } = stage;
    const log = home.path('log');
    // Longer than it takes to see its line and to stop the bot, on a busy machine too.
    await slack.command(ada(`-g web -c 1 -cmd "echo ran >> ${log}; sleep 4"`));
    await expect.poll(() => lines(log), UP).toBe(1);
    bot.process.kill('SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    bot.process.kill('SIGCONT');
    await rootWith(slack, /2 wait: the bot stood still/);
    expect(await lines(log)).toBe(1);
    const click = await press(slack, ADA);
    await slack.waitFor(() => click.answers()[0]);
    expect((await finished(slack)).text).toMatch(/3 ok of 3/);
  }, 90_000);

  test('a run of a host that left the inventory goes on without it, and says so', async () => {
    await using stage = await openStage();
    const { slack, home, bot, sshd } = stage;
    const log = home.path('log');
    await slack.command(ada(`-g web -c 1 -cmd "echo ran >> ${log}; sleep 4"`));
    await expect.poll(() => lines(log), UP).toBe(1);
    await bot.stop('SIGKILL');
    const left = inventoryOf(sshd, ADDRESSES, home.path('key'))
      .replace(/\[h3\]\n.*\n/, '')
      .replace('h3 = True\n', '');
    await writeFile(home.path('inventory.ini'), left);
    await using again = await startBot(home, slack);
    const root = await finished(slack);
    expect(root.text).toMatch(/1 ok, 1 skipped, 1 interrupted of 3/);
    await slack.waitFor(() =>
      slack.thread(OPS, root.ts).some((reply) => /h3[\s\S]*removed from the inventory/.test(shown(reply))),
    );
    expect(await again.stop()).toBe(0);
  }, 90_000);

  test('a run that was answered with a failure never runs: here the store failed as it was to be released', async () => {
    await using stage = await openStage();
    const { slack, home, bot } = stage;
    const mark = home.path('mark');
    const database = new DatabaseSync(home.path('data/batchops.db'), { timeout: 5_000 });
    database.exec(
      "create trigger no_release before update of state on run when new.state = 'open' begin select raise(abort, 'disk full'); end",
    );
    const outcome = await slack.command(ada(`-h h1 -cmd "touch ${mark}"`));
    await slack.waitFor(() => outcome.answers()[0]);
    await bot.stop('SIGKILL');
    database.exec('drop trigger no_release');
    database.close();
    await using again = await startBot(home, slack);
    expect((await finished(slack)).text).toMatch(/1 skipped of 1/);
    expect(existsSync(mark)).toBe(false);
    expect(await again.stop()).toBe(0);
  }, 90_000);
});

describe('/readyz is 503 with the reason whenever a run begun now would not be recorded, shown or started', () => {
  test('the data folder is taken away: nothing runs, and it is said', async () => {
    await using slack = await openTeamSlack();
    await using home = await makeHome(FILES);
    const port = await freePort();
    await using bot = await startBot(home, slack, { BATCHOPS_HTTP_ADDR: `127.0.0.1:${port}` });
    await expect.poll(() => askHealth(port, '/readyz'), UP).toEqual({ status: 200, text: 'ready' });
    await rename(home.path('data'), home.path('gone'));
    const gone = await askHealth(port, '/readyz');
    expect(gone).toMatchObject({
      status: 503,
      text: expect.stringMatching(/database file .*batchops\.db is gone/),
    });
    const outcome = await slack.command(ada('-h h1 -cmd "id"'));
    expect(shown(await slack.waitFor(() => outcome.answers()[0]))).toMatch(
      /could not be recorded \(the database file .* is gone\), so nothing was run/,
    );
    expect(slack.messages(OPS)).toEqual([]);
    await rename(home.path('gone'), home.path('data'));
    expect(await askHealth(port, '/readyz')).toEqual({ status: 200, text: 'ready' });
    expect(await bot.stop()).toBe(0);
  }, 60_000);

  test('a full disk, a revoked token, Slack that answers 500, sockets that are gone', async () => {
    await using slack = await openTeamSlack();
    await using home = await makeHome(FILES);
    const port = await freePort();
    await using bot = await startBot(home, slack, { BATCHOPS_HTTP_ADDR: `127.0.0.1:${port}` });
    const readiness = () => askHealth(port, '/readyz');
    const ready = { status: 200, text: 'ready' };
    await expect.poll(readiness, UP).toEqual(ready);

    const limit = (size: string) =>
      execFileSync('prlimit', [`--pid=${bot.process.pid}`, `--fsize=${size}:unlimited`]);
    limit('100000');
    expect(await readiness()).toMatchObject({
      status: 503,
      text: expect.stringMatching(/the store cannot be written/),
    });
    limit('unlimited');
    expect(await readiness()).toEqual(ready);

    const revoked = slack.order({
      kind: 'error',
      error: 'token_revoked',
      times: Number.POSITIVE_INFINITY,
    });
    await expect.poll(readiness, UP).toEqual({ status: 503, text: 'Slack refuses the bot (token_revoked)' });
    revoked.cancel();
    await expect.poll(readiness, UP).toEqual(ready);

    const broken = slack.order({
      kind: 'server-error',
      times: Number.POSITIVE_INFINITY,
      method: 'chat.postMessage',
    });
    const outcome = await slack.command(ada('-h h1 -cmd "id"'));
    await slack.waitFor(() => outcome.answers()[0], 20_000);
    expect(await readiness()).toEqual({ status: 503, text: 'Slack does not take messages (http_500)' });
    broken.cancel();

    slack.order({ kind: 'server-error', times: Number.POSITIVE_INFINITY, method: 'apps.connections.open' });
    slack.dropSockets();
    await expect.poll(readiness, UP).toEqual({ status: 503, text: 'Slack is not connected' });
  }, 90_000);

  test('an outage at the start is waited for, with the reason, and no longer than it lasts', async () => {
    await using slack = await openTeamSlack();
    await using home = await makeHome(FILES);
    const port = await freePort();
    const away = slack.order({ kind: 'server-error', times: Number.POSITIVE_INFINITY });
    await using bot = spawnBot(home, slack, { BATCHOPS_HTTP_ADDR: `127.0.0.1:${port}` });
    await expect
      .poll(() => askHealth(port, '/readyz'), UP)
      .toEqual({ status: 503, text: 'starting: Slack does not answer (http_500)' });
    await expect.poll(() => away.struck, UP).toBeGreaterThan(2);
    expect(bot.output().match(/the start waits for it/g)).toHaveLength(1);
    away.cancel();
    await expect.poll(() => askHealth(port, '/readyz'), UP).toEqual({ status: 200, text: 'ready' });
    expect(await bot.stop()).toBe(0);
  }, 90_000);
});
