import { request } from 'node:http';
import { describe, expect, test } from 'vitest';
import type { LocalSlack } from '../../../../src/sandbox/slack/local-slack.ts';
import { ANN, call, EVE, OLD, OPS, openTestSlack, SECRET, startSocketBot, WEB } from '../rig.ts';

async function get(slack: LocalSlack, path: string): Promise<unknown> {
  return (await fetch(`${slack.url}/page/${path}`)).json();
}

async function post(slack: LocalSlack, path: string, body: object): Promise<unknown> {
  const response = await fetch(`${slack.url}/page/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return response.json();
}

/** The status of a request with these headers, as no client of ours would send it. */
function statusOf(slack: LocalSlack, path: string, headers: Record<string, string>, method = 'GET') {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const asked = request({ host: '127.0.0.1', port: slack.port, path, method, headers }, (response) => {
    response.resume();
    resolve(response.statusCode ?? 0);
  });
  asked.on('error', reject);
  asked.end();
  return promise;
}

/** Reads Server-Sent Events until there are so many. */
async function readEvents(
  slack: LocalSlack,
  user: string,
  count: number,
  act: () => Promise<void>,
  lastId = '',
) {
  const abort = new AbortController();
  const response = await fetch(`${slack.url}/page/events?user=${user}`, {
    signal: abort.signal,
    headers: lastId === '' ? {} : { 'last-event-id': lastId },
  });
  await act();
  const events: Record<string, unknown>[] = [];
  const ids: string[] = [];
  let rest = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    rest += decoder.decode(chunk, { stream: true });
    const parts = rest.split('\n\n');
    rest = parts.pop() ?? '';
    for (const part of parts) {
      ids.push(/^id: (\d+)$/m.exec(part)?.[1] ?? '');
      const data = /^data: (.*)$/m.exec(part)?.[1];
      if (data !== undefined) events.push(JSON.parse(data));
    }
    if (events.length >= count) break;
  }
  abort.abort();
  return { events, lastId: ids.at(-1) ?? '' };
}

describe('who may ask', () => {
  const state = `/page/state?user=${ANN}`;

  test('foreign names and foreign pages are refused, on every path', async () => {
    await using slack = await openTestSlack({
      page: (_request, response) => response.end('page').writableEnded,
    });
    const own = `127.0.0.1:${slack.port}`;
    for (const path of [state, '/', '/api/auth.test', '/commands/a', '/files-pri/a', '/upload/v1/a']) {
      expect(await statusOf(slack, path, { host: `evil.example:${slack.port}` })).toBe(403);
      expect(await statusOf(slack, path, { host: '127.0.0.1' })).toBe(403);
      expect(await statusOf(slack, path, { host: own, origin: 'http://evil.example' })).toBe(403);
      expect(await statusOf(slack, path, { host: own, origin: 'null' })).toBe(403);
      expect(await statusOf(slack, path, { host: own, 'sec-fetch-site': 'same-site' })).toBe(403);
    }
    for (const host of [own, `localhost:${slack.port}`]) {
      expect(await statusOf(slack, state, { host, origin: `http://${host}` })).toBe(200);
      expect(await statusOf(slack, '/', { host, 'sec-fetch-site': 'none' })).toBe(200);
    }
  });

  test('what does something takes JSON, which no form can send', async () => {
    await using slack = await openTestSlack();
    const body = JSON.stringify({ user: ANN, channel: OPS, text: 'a' });
    for (const kind of ['text/plain', 'application/x-www-form-urlencoded']) {
      const headers = { 'content-type': kind };
      const response = await fetch(`${slack.url}/page/send`, { method: 'POST', headers, body });
      expect(response.status).toBe(403);
    }
    expect(slack.messages(OPS)).toEqual([]);
  });

  test('strangers and bots are nobody', async () => {
    await using slack = await openTestSlack();
    for (const user of ['U404', slack.settings.bot.userId, ''])
      expect(await get(slack, `state?user=${user}`)).toMatchObject({ ok: false, error: 'user_not_found' });
  });
});

describe('what the page is shown', () => {
  test('the workspace as this person sees it', async () => {
    await using slack = await openTestSlack();
    expect(await get(slack, `state?user=${ANN}`)).toMatchObject({
      team: { id: 'T0LOCAL01', name: 'Local Slack' },
      me: { id: ANN, realName: 'Ann Operator', isBot: false },
      channels: [
        { id: OPS, name: 'ops', kind: 'public', isMember: true, botIsMember: true },
        { id: WEB, botIsMember: false },
        { id: SECRET, kind: 'private' },
        { id: OLD, isArchived: true },
      ],
      commands: [
        { command: '/batch_run', usageHint: expect.stringContaining('-cmd') },
        { command: '/batch_scp' },
        { command: '/batch' },
      ],
    });
    // A guest sees only the channels she is in.
    expect(await get(slack, `state?user=${EVE}`)).toMatchObject({ me: { id: EVE }, channels: [] });
    expect(await get(slack, `messages?user=${EVE}&channel=${SECRET}`)).toMatchObject({
      error: 'channel_not_found',
    });
  });

  test('messages, threads and what only this person sees', async () => {
    await using slack = await openTestSlack();
    slack.workspace.changeChannel(OPS, {
      members: new Set([ANN, EVE, slack.settings.bot.userId]),
    });
    const { ts } = await call(slack, 'chat.postMessage', { channel: OPS, text: 'root' });
    await call(slack, 'chat.postMessage', { channel: OPS, text: 'reply', thread_ts: ts });
    await call(slack, 'chat.postEphemeral', { channel: OPS, user: ANN, text: 'psst' });
    expect(await get(slack, `messages?user=${ANN}&channel=${OPS}`)).toMatchObject({
      messages: [
        { ts, text: 'root', replyCount: 1, isEphemeral: false, threadTs: null },
        { text: 'psst', isEphemeral: true },
      ],
    });
    expect(await get(slack, `messages?user=${EVE}&channel=${OPS}`)).toMatchObject({
      messages: [{ text: 'root' }],
    });
    expect(await get(slack, `thread?user=${EVE}&channel=${OPS}&ts=${ts}`)).toMatchObject({
      messages: [{ text: 'root' }, { text: 'reply', threadTs: ts }],
    });
  });
});

describe('what the page does', () => {
  test('plain messages, escaped as a person writes them', async () => {
    await using slack = await openTestSlack();
    const sent = await post(slack, 'send', { user: ANN, channel: OPS, text: 'a <b> & c' });
    expect(sent).toMatchObject({ ok: true, kind: 'message' });
    expect(slack.messages(OPS)).toMatchObject([{ user: ANN, text: 'a &lt;b&gt; &amp; c' }]);
    expect(await post(slack, 'send', { user: ANN, channel: OLD, text: 'a' })).toMatchObject({
      error: 'is_archived',
    });
    expect(await post(slack, 'send', { user: EVE, channel: SECRET, text: 'a' })).toMatchObject({
      error: 'channel_not_found',
    });
  });

  test('slash commands with everything after the first space, and clicks', async () => {
    await using slack = await openTestSlack();
    const texts: string[] = [];
    await using _bot = await startSocketBot(
      slack,
      (app) => {
        app.command('/batch_run', async ({ ack, command }) => {
          texts.push(command.text);
          await ack({
            text: 'ok',
            blocks: [
              {
                type: 'actions',
                elements: [{ type: 'button', action_id: 'go', text: { type: 'plain_text', text: 'Go' } }],
              },
            ],
          });
        });
        app.action('go', async ({ ack, respond }) => {
          await ack();
          await respond({ text: 'gone', replace_original: true });
        });
      },
      1,
    );
    const text = '/batch_run  -cmd "a  |\n b" ';
    expect(await post(slack, 'send', { user: ANN, channel: OPS, text })).toMatchObject({
      ok: true,
      kind: 'command',
      ackMs: expect.any(Number),
    });
    expect(texts).toEqual([' -cmd "a  |\n b" ']);
    const { ts } = slack.ephemerals(ANN)[0] ?? {};
    const click = { user: ANN, channel: OPS, ts, action_id: 'go' };
    expect(await post(slack, 'click', { ...click, user: EVE })).toMatchObject({ ok: false });
    expect(await post(slack, 'click', click)).toMatchObject({ ok: true });
    await slack.waitFor(() => slack.ephemerals(ANN)[0]?.text === 'gone');
  });

  test('what fails says so in words', async () => {
    await using slack = await openTestSlack();
    const root = slack.say({ user: ANN, channel: OPS, text: 'root' });
    const send = (text: string, more: object = {}) =>
      post(slack, 'send', { user: ANN, channel: OPS, text, ...more });
    expect(await send('/batch help')).toMatchObject({
      error: 'dispatch_failed',
      message: '/batch failed with the error "dispatch_failed"',
    });
    expect(await send('/nope')).toMatchObject({ message: '/nope is not a valid command.' });
    expect(await send('/batch help', { thread_ts: root.ts })).toMatchObject({
      message: '/batch is not supported in threads. Sorry!',
    });
  });
});

describe('events', () => {
  test('come as things happen, to those who may see them, and again after a gap', async () => {
    await using slack = await openTestSlack();
    const first = await readEvents(slack, ANN, 4, async () => {
      slack.say({ user: ANN, channel: SECRET, text: 'in secret' });
      const { ts } = await call(slack, 'chat.postMessage', { channel: OPS, text: 'a' });
      await call(slack, 'chat.update', { channel: OPS, ts, text: 'b' });
      await call(slack, 'chat.postEphemeral', { channel: OPS, user: ANN, text: 'psst' });
    });
    expect(first.events).toMatchObject([
      { type: 'message', message: { text: 'in secret' } },
      { type: 'message', message: { text: 'a', isEdited: false } },
      { type: 'message_changed', message: { text: 'b', isEdited: true } },
      { type: 'ephemeral', message: { text: 'psst', isEphemeral: true } },
    ]);
    slack.say({ user: ANN, channel: OPS, text: 'missed' });
    const second = await readEvents(slack, ANN, 1, async () => undefined, first.lastId);
    expect(second.events).toMatchObject([{ type: 'message', message: { text: 'missed' } }]);
    const unknown = await readEvents(slack, ANN, 1, async () => undefined, '999');
    expect(unknown.events).toEqual([{ type: 'resync' }]);
    // Eve is in none of these channels: only what fails for her is hers.
    const hers = await readEvents(slack, EVE, 1, async () => {
      slack.say({ user: ANN, channel: OPS, text: 'not for eve' });
      await call(slack, 'chat.postEphemeral', { channel: OPS, user: ANN, text: 'for ann' });
      await slack.command({ user: EVE, channel: OPS, command: '/batch', text: '' });
    });
    expect(hers.events).toMatchObject([{ type: 'command_failed', error: 'channel_not_found' }]);
  });
});
