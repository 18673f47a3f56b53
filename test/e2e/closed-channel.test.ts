import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import type { LocalSlack } from '../../src/sandbox/slack/local-slack.ts';
import { ADA, ada, BOT, finished, OPS, openStage, shown } from '../rigs/bot.ts';
import { HAS_SSHD } from '../rigs/sshd.ts';

const UP = { timeout: 25_000, interval: 100 };

const lines = async (path: string): Promise<number> =>
  existsSync(path) ? (await readFile(path, 'utf8')).split('\n').filter(Boolean).length : 0;

/** The hosts that can be read of in the thread of the newest root message. */
function hostsBelow(slack: LocalSlack): string {
  const root = slack.messages(OPS).findLast((message) => message.isFromApp);
  const replies = slack
    .thread(OPS, root?.ts ?? '')
    .map(shown)
    .join('\n');
  return ['h1', 'h2', 'h3'].filter((host) => new RegExp(`^${host}\\b`, 'm').test(replies)).join(' ');
}

describe.skipIf(!HAS_SSHD)('a run whose results cannot be brought where they belong', () => {
  test('its channel is archived for a while: nothing new starts, who asked is told, and all comes in the end', async () => {
    await using stage = await openStage();
    const { slack, home, bot } = stage;
    const log = home.path('log');
    await slack.command(ada(`-g web -c 1 -cmd "echo ran >> ${log}; sleep 2"`));
    await expect.poll(() => lines(log), UP).toBe(1);
    const archived = slack.order({ kind: 'error', channel: OPS, error: 'is_archived', times: 1e6 });

    const direct = await slack.waitFor(
      () => slack.messages(slack.workspace.openDirectMessage(ADA, BOT).id)[0],
      40_000,
    );
    expect(shown(direct)).toMatch(/does not let me write in <#C0OPS0001> \(is_archived\)/);
    expect(await lines(log), 'a command ran that nobody could read about').toBe(1);
    const [, runId = ''] = /\b(r-\w+)/.exec(shown(direct)) ?? [];
    const asked = await slack.command(ada('queue', '/batch'));
    expect(shown(await slack.waitFor(() => asked.answers()[0]))).toMatch(
      /2 waiting · nothing more starts for now: Slack does not let the bot write in its channel \(is_archived\)/,
    );
    archived.cancel();

    const root = await finished(slack);
    expect(root.text).toContain(runId);
    expect(root.text).toMatch(/3 ok of 3/);
    await expect.poll(() => hostsBelow(slack), UP).toBe('h1 h2 h3');
    expect(await lines(log)).toBe(3);
    expect(slack.violations).toEqual([]);
    expect(await bot.stop()).toBe(0);
  }, 120_000);

  test('its root message is deleted: a new one says so, and what comes stands below that', async () => {
    await using stage = await openStage();
    const { slack, home, bot } = stage;
    const log = home.path('log');
    await slack.command(ada(`-g web -c 1 -cmd "echo ran >> ${log}; sleep 2"`));
    await expect.poll(() => lines(log), UP).toBe(1);
    const first = slack.messages(OPS).find((message) => message.isFromApp);
    if (first === undefined) throw new Error('there is no root message');
    slack.workspace.deleteMessage(first);

    const root = await finished(slack);
    expect(root.ts).not.toBe(first.ts);
    expect(root.text).toMatch(/3 ok of 3/);
    expect(shown(root)).toContain('Posted anew: Slack no longer had the first message of this run.');
    await expect.poll(() => hostsBelow(slack), UP).toBe('h1 h2 h3');
    expect(slack.messages(OPS).filter((message) => message.isFromApp)).toHaveLength(1);
    expect(new Set(slack.violations.map(({ error }) => error))).toEqual(new Set(['message_not_found']));
    expect(await bot.stop()).toBe(0);
  }, 90_000);
});
