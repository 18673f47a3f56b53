import { describe, expect, test } from 'vitest';
import { ADA, ada, EVERYTHING, makeHome, OPS, openTeamSlack, shown, startBot } from '../rigs/bot.ts';

const FILES = {
  'inventory.ini': '[h1]\nip = 127.0.0.1\nport = 1\nuser = ops\npassword = hunter2hunter2\n',
  'allowlist.ini': EVERYTHING,
};

describe('an acked request is never lost without a word', () => {
  test('killed between the ack and the store: told at the next start, and not carried out', async () => {
    await using slack = await openTeamSlack();
    await using home = await makeHome(FILES);
    await using bot = await startBot(home, slack);
    // Who asks is looked up after the ack and before the run is put down.
    slack.order({ kind: 'slow', method: 'users.info', delayMs: 20_000, times: 1 });
    const outcome = await slack.command(ada('-h h1 -cmd "echo hunter2hunter2"'));
    expect(outcome).toMatchObject({ ok: true });
    await slack.waitFor(() => slack.calls.some(({ method }) => method === 'users.info'));
    await bot.stop('SIGKILL');

    await using again = await startBot(home, slack);
    const told = await slack.waitFor(() => slack.ephemerals(ADA)[0]);
    expect(shown(told)).toMatch(
      /stopped before it had done with .*\n• `\/batch_run` at .*: no run was made of it/,
    );
    expect(await again.stop()).toBe(0);
    expect(slack.messages(OPS)).toEqual([]);
    await using third = await startBot(home, slack);
    expect(await third.stop()).toBe(0);
    expect(slack.ephemerals(ADA)).toHaveLength(1);
    expect(slack.violations).toEqual([]);
  }, 60_000);

  test('killed between the store and the thread: the thread tells, and nothing else does', async () => {
    await using slack = await openTeamSlack();
    await using home = await makeHome(FILES);
    await using bot = await startBot(home, slack);
    slack.order({ kind: 'slow', method: 'chat.postMessage', delayMs: 20_000, times: 1 });
    await slack.command(ada('-h h1 -cmd "id"'));
    await slack.waitFor(() => slack.messages(OPS)[0]);
    await bot.stop('SIGKILL');
    await using again = await startBot(home, slack);
    await slack.waitFor(() => /1 skipped of 1/.test(shown(slack.messages(OPS)[0])));
    expect(await again.stop()).toBe(0);
    expect(slack.messages(OPS)).toHaveLength(1);
    expect(slack.ephemerals(ADA)).toEqual([]);
  }, 60_000);
});
