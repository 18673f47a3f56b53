import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';
import { AGAIN_ACTION, LOG_ACTION } from '../../src/report/buttons.ts';
import { ADA, ada, finished, MAIN, OPS, openStage, shown, startBot } from '../rigs/bot.ts';
import { HAS_SSHD } from '../rigs/sshd.ts';

const DAY_MS = 86_400_000;

/** A bot whose wall clock is so many days ahead: what is stored is covered by the audit, and cannot be made older. */
const daysAhead = (days: number): Record<string, string> => ({
  NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(
    `const now = Date.now; Date.now = () => now() + ${days * DAY_MS};`,
  )}`,
});

const dayIn = (days: number): string => new Date(Date.now() + days * DAY_MS).toISOString().slice(0, 10);

describe.skipIf(!HAS_SSHD)('what is not kept for ever, over a strict Slack and a real sshd', () => {
  test('goes after the start; commands and old buttons say until when it was kept; the audit is whole', async () => {
    await using stage = await openStage();
    const { slack, home } = stage;
    const database = home.path('data/batchops.db');
    await slack.command(ada('-h h1,h2 -cmd "echo said-by-$HOSTNAME"'));
    const root = await finished(slack);
    const runId = /r-\w+/.exec(root.text)?.[0] ?? '';
    await slack.waitFor(() => slack.thread(OPS, root.ts).length === 2, 10_000);
    const ask = async (text: string): Promise<string> => {
      const outcome = await slack.command(ada(text, '/batch'));
      return shown(await slack.waitFor(() => outcome.answers()[0], 10_000));
    };
    expect(await ask(`show ${runId} h1`)).toContain('said-by-');
    const verify = (): string =>
      execFileSync(process.execPath, [MAIN, 'audit', 'verify'], { cwd: home.folder, encoding: 'utf8' });

    await stage.bot.stop();
    {
      await using _bot = await startBot(home, slack, daysAhead(100));
      const today = dayIn(100);
      await vi.waitFor(
        async () => expect(await ask(`show ${runId} h1`)).toContain(`was kept until ${today}`),
        {
          timeout: 15_000,
          interval: 200,
        },
      );
      const host = await ask(`show ${runId} h1`);
      expect(host).not.toContain('said-by-');
      expect(host).toMatch(/ of \d+ bytes was kept until/);
      expect(await ask(`show ${runId}`)).toContain(`What they said was kept until ${today}.`);
      const log = await slack.click({ user: ADA, channel: OPS, ts: root.ts, actionId: LOG_ACTION });
      expect(shown(await slack.waitFor(() => log.answers()[0], 10_000))).toContain(
        `What the hosts of ${runId} said was kept until ${today}.`,
      );
      expect(verify()).toContain(' 0 faults');
    }

    {
      await using bot = await startBot(home, slack, daysAhead(400));
      await vi.waitFor(async () => expect(await ask(`show ${runId}`)).toMatch(/was kept until/), {
        timeout: 15_000,
        interval: 200,
      });
      expect(await ask(`show ${runId} h1`)).toMatch(
        new RegExp(`${runId} was kept until .*; nothing of it is stored`),
      );
      expect(await ask(`retry ${runId} all`)).toContain(`${runId} was kept until`);
      const again = await slack.click({ user: ADA, channel: OPS, ts: root.ts, actionId: AGAIN_ACTION });
      expect(shown(await slack.waitFor(() => again.answers()[0], 10_000))).toContain(
        `${runId} was kept until`,
      );
      expect(await ask('runs')).not.toContain(runId);
      expect(verify()).toContain(' 0 faults');
      expect(bot.output()).not.toMatch(/"level":(50|60)/);
    }
    expect(existsSync(database)).toBe(true);
    expect(slack.violations).toEqual([]);
  }, 120_000);
});
