import { describe, expect, test } from 'vitest';
import type { LocalSlack } from '../../../../src/sandbox/slack/local-slack.ts';
import { ANN, EVE, OPS, openTestSlack, SECRET, startSocketBot, surfaces } from '../rig.ts';

const plain = (text: string) => ({ type: 'plain_text' as const, text });
const option = (value: string) => ({ text: plain(value), value });

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

const view = {
  type: 'modal' as const,
  callback_id: 'run',
  title: plain('Run'),
  submit: plain('Go'),
  blocks: [
    {
      type: 'input' as const,
      block_id: 'host',
      label: plain('Host'),
      element: { type: 'multi_external_select' as const, action_id: 'host', min_query_length: 1 },
    },
  ],
};

describe('what the page does with forms', () => {
  test('opens, asks, sends, is refused and closes, for nobody but whose form it is', async () => {
    await using slack = await openTestSlack({ manifest: surfaces });
    await using _bot = await startSocketBot(
      slack,
      (app) => {
        app.shortcut('run', async ({ ack, client, shortcut }) => {
          await ack();
          await client.views.open({ trigger_id: shortcut.trigger_id, view });
        });
        app.options('host', async ({ ack, options }) => ack({ options: [option(options.value)] }));
        app.view('run', async ({ ack, view: sent }) => {
          const { selected_options: chosen = [] } = sent.state.values.host?.host ?? {};
          if (chosen.some(({ value }) => value === 'db1'))
            await ack({ response_action: 'errors', errors: { host: 'Not that one.' } });
          else await ack();
        });
      },
      1,
    );
    expect(await get(slack, `state?user=${ANN}`)).toMatchObject({
      app: { name: 'batchops', hasHomeTab: true, shortcuts: [{ callbackId: 'run' }, { type: 'message' }] },
      modal: null,
      home: null,
    });
    expect(await post(slack, 'shortcut', { user: ANN, callback_id: 'run' })).toMatchObject({ ok: true });
    const { id } = await slack.waitFor(() => slack.views(ANN)[0]);
    expect(await get(slack, `state?user=${ANN}`)).toMatchObject({
      modal: {
        id,
        type: 'modal',
        title: 'Run',
        submit: 'Go',
        close: 'Cancel',
        blocks: [{ block_id: 'host' }],
      },
    });
    expect(await get(slack, `state?user=${EVE}`)).toMatchObject({ modal: null });
    const asking = { view_id: id, action_id: 'host', query: 'db1' };
    expect(await post(slack, 'suggest', { user: EVE, ...asking })).toMatchObject({ error: 'view_not_found' });
    expect(await post(slack, 'suggest', { user: ANN, ...asking })).toEqual({
      ok: true,
      groups: [{ label: null, options: [option('db1')] }],
    });
    const values = { 'host/host': ['db1'] };
    expect(await post(slack, 'submit', { user: EVE, view_id: id, values })).toMatchObject({ ok: false });
    expect(await post(slack, 'submit', { user: ANN, view_id: id, values: {} })).toMatchObject({
      errors: { host: 'Please complete this required field.' },
    });
    expect(await post(slack, 'submit', { user: ANN, view_id: id, values })).toMatchObject({
      ok: false,
      errors: { host: 'Not that one.' },
    });
    expect(await post(slack, 'close', { user: EVE, view_id: id })).toMatchObject({ ok: false });
    expect(slack.views(ANN)).toHaveLength(1);
    expect(await post(slack, 'close', { user: ANN, view_id: id })).toMatchObject({ ok: true });
    expect(slack.views(ANN)).toEqual([]);
  });
});

describe('what the page does with files', () => {
  const base64 = Buffer.from([0, 1, 255]).toString('base64');

  test('shares them where the person is, by their name alone', async () => {
    await using slack = await openTestSlack({ manifest: surfaces });
    const file = { user: ANN, channel: OPS, name: 'C:\\tmp\\a.bin', base64 };
    expect(await post(slack, 'upload', { ...file, text: 'a <b>' })).toMatchObject({
      ok: true,
      kind: 'message',
    });
    const [message] = slack.messages(OPS);
    expect(message).toMatchObject({ user: ANN, text: 'a &lt;b&gt;', isFromApp: false });
    const stored = slack.workspace.files.get(message?.files[0] ?? '');
    expect(stored).toMatchObject({ name: 'a.bin', user: ANN });
    expect(Array.from(stored?.bytes ?? [])).toEqual([0, 1, 255]);
    expect(await post(slack, 'upload', { ...file, user: EVE, channel: SECRET })).toMatchObject({
      error: 'channel_not_found',
    });
    expect(await post(slack, 'upload', { ...file, thread_ts: '1.2' })).toMatchObject({
      error: 'thread_not_found',
    });
    expect(await post(slack, 'upload', { ...file, name: '/' })).toMatchObject({ error: 'invalid_arguments' });
    expect(slack.messages(OPS)).toHaveLength(1);
  });

  test('a message shortcut is for messages that one can see', async () => {
    await using slack = await openTestSlack({ manifest: surfaces });
    const { ts } = slack.say({ user: ANN, channel: SECRET, text: 'a' });
    const chosen = { channel: SECRET, ts, callback_id: 'put' };
    expect(await post(slack, 'message-shortcut', { user: EVE, ...chosen })).toMatchObject({
      error: 'channel_not_found',
    });
    expect(await post(slack, 'message-shortcut', { user: ANN, ...chosen })).toMatchObject({
      error: 'dispatch_failed',
      message: 'We had some trouble connecting. Try again?',
    });
  });
});
