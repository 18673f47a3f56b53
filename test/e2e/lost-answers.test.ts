import { describe, expect, test } from 'vitest';
import { ada, finished, OPS, openStage, startBot } from '../rigs/bot.ts';
import { HAS_SSHD } from '../rigs/sshd.ts';

describe.skipIf(!HAS_SSHD)('where Slack takes what it is sent and does not say so', () => {
  test('no message and no file comes twice, though the bot is killed before it can ask and Slack shows files late', async () => {
    await using stage = await openStage({ slack: { pace: { fileShareMs: 4_000 } } });
    const { slack, home, bot } = stage;
    const posted = slack.order({ kind: 'lost-answer', method: 'chat.postMessage', every: 2, times: 3 });
    const shared = slack.order({ kind: 'lost-answer', method: 'files.completeUploadExternal', times: 1 });
    // More than a reply shows: the rest is a file in the thread.
    await slack.command(ada('-h h1 -cmd "seq 1 20000"'));
    await slack.waitFor(() => shared.struck === 1, 30_000);
    await bot.stop('SIGKILL');
    await using next = await startBot(home, slack);
    const root = await finished(slack);
    await slack.waitFor(() => slack.thread(OPS, root.ts).some(({ files }) => files.length > 0), 30_000);
    // By then a second one would have come as well: a line that is due later is there.
    await slack.command(ada('-h h1 -cmd "echo again"'));
    await finished(slack, 2);
    expect(posted.struck).toBeGreaterThan(0);
    expect(slack.workspace.files.size).toBe(1);
    expect(slack.messages(OPS).filter(({ isFromApp }) => isFromApp)).toHaveLength(2);
    const thread = slack.thread(OPS, root.ts);
    expect(thread.filter(({ files }) => files.length > 0)).toHaveLength(1);
    expect(thread.filter(({ files }) => files.length === 0)).toHaveLength(1);
    expect(slack.violations).toEqual([]);
    expect(await next.stop()).toBe(0);
  }, 120_000);
});
