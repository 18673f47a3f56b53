import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { READ_ENTITIES_ACTION, READ_RAW_ACTION } from '../../src/report/doubts.ts';
import type { LocalSlack } from '../../src/sandbox/slack/local-slack.ts';
import { ADA, ada, BOB, BOT, EVERYTHING, finished, OPS, openStage, shown } from '../rigs/bot.ts';
import { HAS_SSHD } from '../rigs/sshd.ts';

const view = (slack: LocalSlack) => slack.waitFor(() => slack.views(ADA).at(-1));

const roots = (slack: LocalSlack) => slack.messages(OPS).filter(({ isFromApp }) => isFromApp);

/** What the real Slack does and a tame one would not, through the whole of the bot. */
describe.skipIf(!HAS_SSHD).each([
  ['raw', READ_RAW_ACTION],
  ['entities', READ_ENTITIES_ACTION],
] as const)('where Slack sends text %s', (slashText, meant) => {
  test('a person at home elsewhere in the organisation works as everybody, and nobody of another one', async () => {
    await using stage = await openStage({
      // Bob is named by the rule as well, in a channel that may be shared: he is of another organisation.
      allowlist: `${EVERYTHING.replace(`users = ${ADA}`, `users = ${ADA}, ${BOB}`)}shared = yes\n`,
      slack: {
        slashText,
        formText: slashText,
        enterprise: { id: 'E0GRID001', name: 'Grid' },
        users: [
          { id: ADA, name: 'ada', homeTeamId: 'T0HOME001' },
          { id: BOB, name: 'bob', teamId: 'T0OTHER01', enterpriseId: 'E0OTHER01' },
        ],
        channels: [{ id: OPS, name: 'ops', members: [ADA, BOB, BOT], isExternallyShared: true }],
      },
      env: { BATCHOPS_AUDIT_CHANNEL: '', BATCHOPS_SLASH_TEXT: 'auto' },
    });
    const { slack, home } = stage;
    const file = home.path('out');
    await slack.command(ada(`-h h1 -cmd "echo '&lt;' >> ${file} && echo end"`));
    const question = await slack.waitFor(() =>
      slack.ephemerals(ADA).find((message) => /Which of these/.test(shown(message))),
    );
    const at = { channel: OPS, ts: question.ts, actionId: meant };
    await slack.click({ user: ADA, ...at });
    const root = await finished(slack);
    expect(await readFile(file, 'utf8')).toBe('&lt;\n');

    const again = { channel: OPS, ts: root.ts, actionId: 'batchops_again' };
    const theirs = await slack.click({ user: BOB, ...again });
    const no = await slack.waitFor(() => theirs.answers()[0]);
    expect(shown(no)).toContain('only for members of its own organisation');
    await slack.click({ user: ADA, ...again });
    await finished(slack, 2);

    await slack.command(ada(''));
    const form = await view(slack);
    await slack.submit({
      user: ADA,
      viewId: form.id,
      values: { terms: 'h1', command: `echo '&amp;' >> ${file}` },
    });
    const asked = await slack.waitFor(() =>
      slack.ephemerals(ADA).find((message) => /all forms here/.test(shown(message))),
    );
    await slack.click({ user: ADA, channel: OPS, ts: asked.ts, actionId: meant });
    await finished(slack, 3);
    expect(await readFile(file, 'utf8')).toBe('&lt;\n&lt;\n&amp;\n');

    await slack.openHome({ user: ADA });
    const tab = await slack.waitFor(() => slack.home(ADA));
    expect(shown(tab.view)).toMatch(/1 ok of 1/);
    expect(roots(slack)).toHaveLength(3);
    expect(slack.violations).toEqual([]);
  }, 90_000);

  test('backticks are quotes, a direct message is no place for results, and a bare file is asked for', async () => {
    await using stage = await openStage({
      slack: { slashText, formText: slashText },
      env: { BATCHOPS_SLASH_TEXT: 'auto' },
    });
    const { slack, home } = stage;
    // To a shell this would be to run a program called ticks.
    await slack.command(ada('-h h1 -cmd "`echo ticks`"'));
    const root = await finished(slack);
    expect(root.text).toMatch(/1 ok of 1/);
    await slack.waitFor(() => /ticks/.test(slack.thread(OPS, root.ts).map(shown).join('\n')));

    const direct = slack.workspace.openDirectMessage(ADA, BOT).id;
    await slack.command(ada('', '/batch_run', direct));
    const form = await view(slack);
    expect(form.state.channel?.channel).toMatchObject({ selected_conversation: null });
    slack.closeView({ user: ADA, viewId: form.id });

    const file = { name: 'motd.txt', content: 'hello from slack\n', isBare: true };
    const { ts } = slack.upload({ user: ADA, channel: OPS, ...file });
    await slack.messageShortcut({ user: ADA, channel: OPS, ts, callbackId: 'batchops_send_file' });
    const send = await view(slack);
    expect(shown(send.view)).toMatch(/motd\.txt[\s\S]*17 bytes/);
    const values = { terms: 'h1', remote: home.path('there.txt') };
    await slack.submit({ user: ADA, viewId: send.id, values });
    expect((await view(slack)).view.submit).toMatchObject({ text: 'Run on 1 host' });
    await slack.submit({ user: ADA, viewId: send.id });
    await finished(slack, 2);
    expect(await readFile(home.path('there.txt'), 'utf8')).toBe(file.content);
    expect(slack.violations).toEqual([]);
  }, 90_000);
});
