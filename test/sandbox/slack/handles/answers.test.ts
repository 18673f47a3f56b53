import { describe, expect, test } from 'vitest';
import type { LocalSlackOptions } from '../../../../src/sandbox/slack/options.ts';
import { ANN, call, OPS, openTestSlack, SECRET, startSocketBot, surfaces } from '../rig.ts';

async function typed(options: Partial<LocalSlackOptions> = {}, channel = OPS) {
  const slack = await openTestSlack(options);
  const bot = await startSocketBot(
    slack,
    (app) => {
      app.command('/batch', async ({ ack }) => ack());
      app.action('go', async ({ ack }) => ack());
    },
    1,
  );
  const outcome = await slack.command({ user: ANN, channel, command: '/batch', text: '' });
  const answer = async (url: string, body: object): Promise<readonly [number, string]> => {
    const response = await fetch(url, { method: 'POST', body: JSON.stringify(body) });
    return [response.status, await response.text()];
  };
  return {
    slack,
    bot,
    outcome,
    answer,
    respond: (body: object) => answer(outcome.responseUrl, body),
  };
}

describe('response_url', () => {
  test('takes five answers, then none', async () => {
    const { slack, bot, outcome, respond } = await typed();
    await using _slack = slack;
    await using _bot = bot;
    for (let index = 0; index < 5; index += 1)
      expect(await respond({ text: `${index}` })).toEqual([200, 'ok']);
    expect(await respond({ text: '5' })).toEqual([404, '{"ok":false,"error":"used_url"}']);
    expect(outcome.answers().map(({ text }) => text)).toEqual(['0', '1', '2', '3', '4']);
    expect(slack.ephemerals(ANN)).toHaveLength(5);
    expect(slack.violations).toMatchObject([{ method: 'response_url', error: 'used_url' }]);
  });

  test('ends after half an hour', async () => {
    const clock = { now: 1_800_000_000_000 };
    const { slack, bot, respond } = await typed({ now: () => clock.now });
    await using _slack = slack;
    await using _bot = bot;
    clock.now += 30 * 60_000 - 1;
    expect(await respond({ text: 'a' })).toEqual([200, 'ok']);
    clock.now += 1;
    expect(await respond({ text: 'b' })).toEqual([404, '{"ok":false,"error":"expired_url"}']);
  });

  test('posts in the channel too, where the bot itself may not', async () => {
    const { slack, bot, respond } = await typed({}, SECRET);
    await using _slack = slack;
    await using _bot = bot;
    await respond({ response_type: 'in_channel', text: 'to all' });
    expect(slack.messages(SECRET)).toMatchObject([{ text: 'to all', isFromApp: true }]);
  });

  test('replaces and deletes its own first answer', async () => {
    const { slack, bot, respond } = await typed();
    await using _slack = slack;
    await using _bot = bot;
    await respond({ text: 'working' });
    await respond({ text: 'done', replace_original: true });
    expect(slack.ephemerals(ANN)).toMatchObject([{ text: 'done' }]);
    await respond({ delete_original: true });
    expect(slack.ephemerals(ANN)).toEqual([]);
  });

  test('of a click replaces the message with the button', async () => {
    const { slack, bot, answer } = await typed();
    await using _slack = slack;
    await using _bot = bot;
    const element = { type: 'button', action_id: 'go', text: { type: 'plain_text', text: 'Go' } };
    const blocks = [{ type: 'actions', elements: [element] }];
    const { ts } = await call(slack, 'chat.postMessage', { channel: OPS, text: 'a', blocks });
    const click = { user: ANN, channel: OPS, ts: String(ts), actionId: 'go' };
    const pressed = await slack.click(click);
    await answer(pressed.responseUrl, { text: 'pressed', replace_original: true });
    expect(slack.messages(OPS)).toMatchObject([{ text: 'pressed', blocks: [] }]);
    // The button is gone with the message it was in.
    expect(await slack.click(click)).toMatchObject({ error: 'action_not_found' });
  });

  test('refuses what is no message', async () => {
    const { slack, bot, answer, respond } = await typed();
    await using _slack = slack;
    await using _bot = bot;
    expect(await respond({})).toEqual([500, '{"ok":false,"error":"no_text"}']);
    expect(await respond({ text: 'a', blocks: [{ type: 'x' }] })).toEqual([
      400,
      '{"ok":false,"error":"invalid_blocks"}',
    ]);
    expect(await answer(`${slack.url}/commands/T/1/2`, { text: 'a' })).toEqual([
      404,
      '{"ok":false,"error":"no_such_url"}',
    ]);
  });
});

describe('trigger_id', () => {
  const view = {
    type: 'modal',
    title: { type: 'plain_text', text: 'Run' },
    blocks: [{ type: 'section', text: { type: 'plain_text', text: 'a' } }],
  };

  test('opens one modal', async () => {
    const { slack, bot, outcome } = await typed();
    await using _slack = slack;
    await using _bot = bot;
    const trigger = { trigger_id: outcome.triggerId, view };
    expect(await call(slack, 'views.open', { ...trigger, view: { ...view, title: 1 } })).toMatchObject({
      error: 'invalid_arguments',
    });
    const opened = await call(slack, 'views.open', trigger);
    expect(opened).toMatchObject({ ok: true, view: { type: 'modal', id: expect.stringMatching(/^V/) } });
    expect(slack.views(ANN)).toHaveLength(1);
    expect(await call(slack, 'views.open', trigger)).toMatchObject({ error: 'exchanged_trigger_id' });
  });

  test('works for three seconds', async () => {
    const clock = { now: 1_800_000_000_000 };
    const { slack, bot, outcome } = await typed({ now: () => clock.now, pace: { triggerMs: 3_000 } });
    await using _slack = slack;
    await using _bot = bot;
    clock.now += 3_001;
    expect(await call(slack, 'views.open', { trigger_id: outcome.triggerId, view })).toMatchObject({
      error: 'expired_trigger_id',
    });
    expect(await call(slack, 'views.open', { trigger_id: 'none', view })).toMatchObject({
      error: 'invalid_trigger_id',
    });
  });

  test('a Home tab needs none', async () => {
    await using slack = await openTestSlack({ manifest: surfaces });
    const home = { type: 'home', blocks: [{ type: 'divider' }] };
    expect(await call(slack, 'views.publish', { user_id: ANN, view: home })).toMatchObject({ ok: true });
    expect(await call(slack, 'views.publish', { user_id: ANN, view })).toMatchObject({
      error: 'invalid_arguments',
    });
    await using without = await openTestSlack({
      manifest: { ...surfaces, features: { app_home: { home_tab_enabled: false } } },
    });
    expect(await call(without, 'views.publish', { user_id: ANN, view: home })).toMatchObject({
      error: 'not_enabled',
    });
  });
});
