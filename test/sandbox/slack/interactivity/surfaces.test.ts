import { createServer } from 'node:http';
import { describe, expect, test, vi } from 'vitest';
import {
  ANN,
  call,
  EVE,
  OPS,
  openClient,
  openTestSlack,
  SECRET,
  startHttpBot,
  startSocketBot,
  surfaces,
} from '../rig.ts';

const plain = (text: string) => ({ type: 'plain_text' as const, text });
const option = (value: string) => ({ text: plain(value), value });

describe.each([
  ['Socket Mode', 'socket' as const],
  ['signed HTTP requests', 'http' as const],
])('over %s', (_name, mode) => {
  test('the Home tab is announced when it is opened, published, and its buttons work', async () => {
    await using slack = await openTestSlack({ manifest: surfaces, mode });
    const seen: unknown[] = [];
    const start = mode === 'socket' ? startSocketBot : startHttpBot;
    await using _bot = await start(slack, (app) => {
      app.event('app_home_opened', async ({ event, body, client }) => {
        seen.push(body);
        await client.views.publish({
          user_id: event.user,
          view: {
            type: 'home',
            blocks: [
              { type: 'header', text: plain('Fleet') },
              { type: 'actions', elements: [{ type: 'button', action_id: 'more', text: plain('More') }] },
            ],
          },
        });
      });
      app.action('more', async ({ ack, body }) => {
        await ack();
        seen.push(body);
      });
    });
    expect(await slack.openHome({ user: ANN })).toMatchObject({ ok: true });
    const home = await slack.waitFor(() => slack.home(ANN));
    expect(slack.home(EVE)).toBeUndefined();
    expect(seen[0]).toMatchObject({
      type: 'event_callback',
      api_app_id: 'A0APP0001',
      event: { type: 'app_home_opened', user: ANN, tab: 'home', channel: expect.stringMatching(/^D/) },
      event_id: expect.stringMatching(/^Ev/),
    });
    expect(await slack.act({ user: ANN, viewId: home.id, actionId: 'more' })).toMatchObject({ ok: true });
    expect(seen[1]).toMatchObject({
      type: 'block_actions',
      container: { type: 'view', view_id: home.id },
      view: { type: 'home', id: home.id },
      trigger_id: expect.any(String),
    });
    await slack.openHome({ user: ANN });
    await slack.waitFor(() => slack.home(ANN)?.hash !== home.hash);
    // The next time the app is shown what it published.
    expect(seen[2]).toMatchObject({ event: { view: { id: home.id, type: 'home' } } });
    expect(slack.home(ANN)?.id).toBe(home.id);
    expect(slack.violations).toEqual([]);
  });

  test('a message shortcut brings the message with its file, which the bot can fetch', async () => {
    await using slack = await openTestSlack({ manifest: surfaces, mode });
    const seen: { message?: { files?: { url_private_download: string }[] } }[] = [];
    const start = mode === 'socket' ? startSocketBot : startHttpBot;
    await using _bot = await start(slack, (app) => {
      app.shortcut({ callback_id: 'put', type: 'message_action' }, async ({ ack, shortcut, respond }) => {
        await ack();
        seen.push(JSON.parse(JSON.stringify(shortcut)));
        await respond({ text: 'sent', response_type: 'ephemeral' });
      });
    });
    const { ts } = slack.upload({
      user: ANN,
      channel: OPS,
      name: 'app.conf',
      content: 'a=1\n',
      text: 'the <new> one',
    });
    const outcome = await slack.messageShortcut({ user: ANN, channel: OPS, ts, callbackId: 'put' });
    expect(outcome).toMatchObject({ ok: true });
    await slack.waitFor(() => outcome.answers()[0]?.text === 'sent');
    expect(seen[0]).toMatchObject({
      type: 'message_action',
      callback_id: 'put',
      message_ts: ts,
      channel: { id: OPS, name: 'ops' },
      user: { id: ANN },
      message: {
        user: ANN,
        text: 'the &lt;new&gt; one',
        files: [{ name: 'app.conf', size: 4, mimetype: 'text/plain', user: ANN }],
      },
    });
    const url = seen[0]?.message?.files?.[0]?.url_private_download ?? '';
    const headers = { authorization: `Bearer ${slack.settings.tokens.bot}` };
    expect(await (await fetch(url, { headers })).text()).toBe('a=1\n');
    expect(slack.violations).toEqual([]);
  });
});

describe('shortcuts and the Home tab', () => {
  test('are what the manifest says, for who may see them', async () => {
    await using slack = await openTestSlack({ manifest: surfaces });
    const { ts } = slack.say({ user: ANN, channel: SECRET, text: 'a' });
    const onMessage = (user: string, callbackId: string) =>
      slack.messageShortcut({ user, channel: SECRET, ts, callbackId });
    expect(await slack.shortcut({ user: ANN, callbackId: 'put' })).toMatchObject({
      error: 'shortcut_not_found',
    });
    expect(await onMessage(ANN, 'run')).toMatchObject({ error: 'shortcut_not_found' });
    expect(await onMessage(EVE, 'put')).toMatchObject({ error: 'channel_not_found' });
    expect(await onMessage(ANN, 'put')).toMatchObject({ error: 'dispatch_failed' });
    await using deaf = await openTestSlack({
      manifest: { ...surfaces, settings: { interactivity: { is_enabled: true }, socket_mode_enabled: true } },
    });
    expect(await deaf.openHome({ user: ANN })).toMatchObject({ error: 'not_subscribed' });
  });

  test('an event that is not acked comes again three times, and says so', async () => {
    await using slack = await openTestSlack({
      manifest: surfaces,
      mode: 'http',
      pace: { eventRetryMs: [0, 10, 10] },
    });
    const headers: unknown[] = [];
    const bodies: { event_id?: string }[] = [];
    const broken = createServer(async (request, response) => {
      headers.push([request.headers['x-slack-retry-num'], request.headers['x-slack-retry-reason']]);
      let text = '';
      for await (const chunk of request) text += chunk;
      bodies.push(JSON.parse(text));
      response.writeHead(500).end();
    });
    await new Promise<void>((resolve) => broken.listen(0, '127.0.0.1', resolve));
    const address = broken.address();
    slack.setRequestUrl(`http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/`);
    expect(await slack.openHome({ user: ANN })).toMatchObject({ ok: false, error: 'dispatch_failed' });
    await vi.waitFor(() => expect(headers).toHaveLength(4));
    broken.close();
    expect(headers).toEqual([
      [undefined, undefined],
      ['1', 'http_error'],
      ['2', 'http_error'],
      ['3', 'http_error'],
    ]);
    expect(new Set(bodies.map((body) => body.event_id)).size).toBe(1);
  });
});

describe('selects in messages', () => {
  test('send what was chosen of what the app gave, and nothing else', async () => {
    await using slack = await openTestSlack({ manifest: surfaces });
    const actions: unknown[] = [];
    await using _bot = await startSocketBot(
      slack,
      (app) => {
        app.action(/.*/, async ({ ack, action, body }) => {
          await ack();
          actions.push([action, 'state' in body ? body.state : undefined]);
        });
        app.options('host', async ({ ack, options }) => {
          const group = { label: plain('web'), options: [option(`${options.value}1`)] };
          await ack({ option_groups: [group] });
        });
      },
      1,
    );
    const elements = [{ type: 'external_select', action_id: 'host', min_query_length: 0 }];
    const blocks = [{ type: 'actions', block_id: 'b', elements }];
    const { ts } = await call(slack, 'chat.postMessage', { channel: OPS, text: 'a', blocks });
    const at = { user: ANN, channel: OPS, ts: String(ts) };
    expect(await slack.click({ ...at, actionId: 'host', values: ['web1'] })).toMatchObject({
      error: 'invalid_option',
    });
    expect(await slack.suggest({ ...at, actionId: 'host', query: 'web' })).toMatchObject({
      ok: true,
      groups: [{ label: plain('web'), options: [option('web1')] }],
    });
    expect(await slack.click({ ...at, actionId: 'host', values: ['web1'] })).toMatchObject({ error: null });
    expect(actions).toMatchObject([
      [
        { type: 'external_select', selected_option: option('web1'), block_id: 'b' },
        { values: { b: { host: { selected_option: option('web1') } } } },
      ],
    ]);
    expect(slack.violations).toEqual([]);
  });
});

describe('files of people', () => {
  test('stand in history with all there is to know, and only where the bot is', async () => {
    await using slack = await openTestSlack({ manifest: surfaces });
    const client = openClient(slack);
    slack.upload({ user: ANN, channel: OPS, name: 'a.txt', content: 'abc' });
    const { messages } = await client.conversations.history({ channel: OPS });
    expect(messages).toMatchObject([{ user: ANN, files: [{ name: 'a.txt', size: 3, user: ANN }] }]);
    const id = messages?.[0]?.files?.[0]?.id ?? '';
    expect(await client.files.info({ file: id })).toMatchObject({ file: { name: 'a.txt' } });
    const hidden = slack.upload({ user: ANN, channel: SECRET, name: 'b.txt', content: 'abc' });
    const secret = { file: hidden.files[0] ?? '' };
    expect(await call(slack, 'files.info', secret)).toMatchObject({ error: 'file_not_found' });
  });

  test('of channels shared with others are named by their id alone, until they are asked for', async () => {
    await using slack = await openTestSlack({ manifest: surfaces });
    const client = openClient(slack);
    const bare = { user: ANN, channel: OPS, name: 'a.txt', content: 'abc', isBare: true };
    const id = slack.upload(bare).files[0] ?? '';
    const { messages } = await client.conversations.history({ channel: OPS });
    expect(messages?.[0]?.files).toEqual([
      { id, mode: 'file_access', file_access: 'check_file_info', created: 0, timestamp: 0, user: '' },
    ]);
    expect(await client.files.info({ file: id })).toMatchObject({ file: { name: 'a.txt', size: 3 } });
    expect(await client.files.list({ channel: OPS })).toMatchObject({ files: [{ id, name: 'a.txt' }] });
  });
});
