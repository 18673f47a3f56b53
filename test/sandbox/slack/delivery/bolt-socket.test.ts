import type { SlashCommand } from '@slack/bolt';
import { describe, expect, test } from 'vitest';
import { ANN, EVE, manifest, OPS, openTestSlack, SECRET, startSocketBot } from '../rig.ts';

const button = {
  type: 'actions',
  elements: [
    { type: 'button', action_id: 'cancel', value: 'r-1', text: { type: 'plain_text', text: 'Cancel' } },
  ],
};

describe('a Bolt app over Socket Mode', () => {
  test('gets a slash command with the fields Slack sends, acks, posts and answers', async () => {
    await using slack = await openTestSlack();
    const seen: SlashCommand[] = [];
    await using _bot = await startSocketBot(slack, (app) => {
      app.command('/batch', async ({ command, ack, client, respond }) => {
        await ack();
        seen.push(command);
        await client.chat.postMessage({ channel: command.channel_id, text: 'root' });
        await respond({ text: 'for you' });
      });
    });
    const outcome = await slack.command({ user: ANN, channel: OPS, command: '/batch', text: 'help  > x' });
    expect(outcome).toMatchObject({ ok: true, error: null });
    const answer = await slack.waitFor(() => outcome.answers()[0]);
    expect(answer).toMatchObject({ text: 'for you', onlyFor: ANN });
    expect(slack.messages(OPS).map(({ text }) => text)).toEqual(['root']);
    expect(slack.ephemerals(EVE)).toEqual([]);
    expect(seen[0]).toEqual({
      token: 'local-verification-token',
      team_id: 'T0LOCAL01',
      team_domain: 'local-slack',
      channel_id: OPS,
      channel_name: 'ops',
      user_id: ANN,
      user_name: 'ann',
      command: '/batch',
      text: 'help  > x',
      api_app_id: 'A0APP0001',
      is_enterprise_install: 'false',
      response_url: outcome.responseUrl,
      trigger_id: outcome.triggerId,
    });
    expect(slack.violations).toEqual([]);
  });

  test.each([
    ['raw', 'echo "a & b" > f', 'echo "a & b" > f'],
    ['entities', 'echo "a & b" > f', 'echo "a &amp; b" &gt; f'],
    ['raw', '`-cmd "ls *"`', '`-cmd "ls *"`'],
    ['entities', '`-cmd "ls *"`', '`-cmd "ls *"`'],
    ['raw', 'show #secret #ops #nope', `show <#${SECRET}|> #ops #nope`],
    ['entities', 'show #secret #ops #nope', `show <#${SECRET}|> #ops #nope`],
  ] as const)('gets what was typed as the workspace has it (%s): %s', async (slashText, typed, text) => {
    await using slack = await openTestSlack({ slashText });
    const seen: string[] = [];
    await using _bot = await startSocketBot(
      slack,
      (app) => {
        app.command('/batch', async ({ command, ack }) => {
          await ack();
          seen.push(command.text);
        });
      },
      1,
    );
    await slack.command({ user: ANN, channel: OPS, command: '/batch', text: typed });
    expect(seen).toEqual([text]);
  });

  test('of a manifest with should_escape is not to be had', async () => {
    const slash_commands = [{ command: '/batch', description: 'Help', should_escape: true }];
    const opened = openTestSlack({ manifest: { ...manifest, features: { slash_commands } } });
    await expect(opened).rejects.toThrow('the sandbox does not have should_escape');
  });

  test('takes turns between two sockets', async () => {
    await using slack = await openTestSlack();
    const counts = [0, 0];
    await using bot = await startSocketBot(slack, (app) => {
      app.command('/batch', async ({ ack }) => ack());
    });
    bot.receivers.forEach(({ client }, index) => {
      client.on('slash_commands', () => {
        counts[index] = (counts[index] ?? 0) + 1;
      });
    });
    for (let turn = 0; turn < 4; turn += 1)
      await slack.command({ user: ANN, channel: OPS, command: '/batch', text: '' });
    expect(counts).toEqual([2, 2]);
  });

  test('may answer in the ack', async () => {
    await using slack = await openTestSlack();
    await using _bot = await startSocketBot(slack, (app) => {
      app.command('/batch', async ({ ack }) => ack('at once'));
      app.command('/batch_run', async ({ ack }) => ack({ response_type: 'in_channel', text: 'to all' }));
    });
    const quiet = await slack.command({ user: ANN, channel: SECRET, command: '/batch', text: '' });
    expect(quiet.answers()).toMatchObject([{ text: 'at once', onlyFor: ANN }]);
    await slack.command({ user: ANN, channel: SECRET, command: '/batch_run', text: '-cmd "a"' });
    // What is answered in the channel shows the command that was typed, too.
    expect(slack.messages(SECRET).map(({ user, text }) => [user, text])).toEqual([
      [ANN, '/batch_run -cmd "a"'],
      [slack.settings.bot.userId, 'to all'],
    ]);
  });

  test('gets a click with the payload Slack sends', async () => {
    await using slack = await openTestSlack();
    const bodies: unknown[] = [];
    await using bot = await startSocketBot(slack, (app) => {
      app.action('cancel', async ({ ack, body, respond }) => {
        await ack();
        bodies.push(body);
        await respond({ text: 'cancelled', replace_original: false });
      });
    });
    const { ts = '' } = await bot.app.client.chat.postMessage({
      channel: OPS,
      text: 'run',
      blocks: [button],
    });
    const outcome = await slack.click({ user: ANN, channel: OPS, ts, actionId: 'cancel' });
    expect(outcome.error).toBeNull();
    await slack.waitFor(() => outcome.answers()[0]);
    expect(bodies[0]).toMatchObject({
      type: 'block_actions',
      user: { id: ANN, username: 'ann', name: 'ann', team_id: 'T0LOCAL01' },
      team: { id: 'T0LOCAL01', domain: 'local-slack' },
      api_app_id: 'A0APP0001',
      container: { type: 'message', message_ts: ts, channel_id: OPS, is_ephemeral: false },
      channel: { id: OPS, name: 'ops' },
      message: { ts, text: 'run', bot_id: 'B0BOT0001' },
      actions: [{ type: 'button', action_id: 'cancel', value: 'r-1', block_id: expect.any(String) }],
      trigger_id: outcome.triggerId,
      response_url: outcome.responseUrl,
    });
    expect(slack.violations).toEqual([]);
  });
});
