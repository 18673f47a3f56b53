import type { App } from '@slack/bolt';
import { describe, expect, test } from 'vitest';
import type { LocalSlack } from '../../../../src/sandbox/slack/local-slack.ts';
import { ANN, call, EVE, OPS, openTestSlack, startHttpBot, startSocketBot, surfaces } from '../rig.ts';

const plain = (text: string) => ({ type: 'plain_text' as const, text });
const option = (value: string) => ({ text: plain(value.toUpperCase()), value });

const form = {
  type: 'modal' as const,
  callback_id: 'run',
  title: plain('Run'),
  submit: plain('Run'),
  notify_on_close: true,
  private_metadata: 'm',
  blocks: [
    {
      type: 'input' as const,
      block_id: 'hosts',
      label: plain('Hosts'),
      element: {
        type: 'multi_external_select' as const,
        action_id: 'hosts',
        min_query_length: 1,
        placeholder: plain('web'),
      },
    },
    {
      type: 'input' as const,
      block_id: 'command',
      label: plain('Command'),
      element: { type: 'plain_text_input' as const, action_id: 'command', max_length: 10 },
    },
    {
      type: 'input' as const,
      block_id: 'more',
      optional: true,
      dispatch_action: true,
      label: plain('More'),
      element: {
        type: 'checkboxes' as const,
        action_id: 'more',
        options: [option('dry'), option('diff')],
        initial_options: [option('dry')],
      },
    },
    {
      type: 'actions' as const,
      block_id: 'keys',
      elements: [{ type: 'button' as const, action_id: 'preview', text: plain('Preview') }],
    },
  ],
};

/** Everything that the app was sent, by type. */
type Seen = Record<string, unknown>[];

function register(app: App, seen: Seen): void {
  app.shortcut('run', async ({ ack, client, shortcut }) => {
    await ack();
    await client.views.open({ trigger_id: shortcut.trigger_id, view: form });
  });
  app.options('hosts', async ({ ack, body, options }) => {
    seen.push({ ...body });
    const found = ['web1', 'web2', 'db1'].filter((name) => name.includes(options.value)).map(option);
    await ack({ options: found });
  });
  app.action('preview', async ({ ack, body, client }) => {
    await ack();
    seen.push({ ...body });
    if (body.type !== 'block_actions' || body.view === undefined) return;
    await client.views.update({
      view_id: body.view.id,
      hash: body.view.hash,
      view: { ...form, title: plain('Preview') },
    });
  });
  app.action('more', async ({ ack, body }) => {
    await ack();
    seen.push({ ...body });
  });
  app.view('run', async ({ ack, body, view }) => {
    seen.push({ ...body });
    const command = view.state.values.command?.command?.value ?? '';
    const next = { type: 'modal' as const, title: plain(command), blocks: form.blocks.slice(3) };
    if (command === 'bad') await ack({ response_action: 'errors', errors: { command: 'Not that.' } });
    else if (command === 'astray') await ack({ response_action: 'errors', errors: { keys: 'no input' } });
    else if (command === 'push')
      await ack({ response_action: 'push', view: { ...next, callback_id: 'sure', submit: plain('Yes') } });
    else if (command === 'update') await ack({ response_action: 'update', view: next });
    else if (command === 'clear') await ack({ response_action: 'clear' });
    else if (command === 'long')
      await ack({ response_action: 'update', view: { ...next, title: plain('x'.repeat(25)) } });
    else await ack();
  });
  app.view('sure', async ({ ack }) => ack({ response_action: 'clear' }));
  app.view({ type: 'view_closed', callback_id: 'run' }, async ({ ack, body }) => {
    await ack();
    seen.push({ ...body });
  });
}

async function openForm(slack: LocalSlack): Promise<string> {
  expect(await slack.shortcut({ user: ANN, callbackId: 'run' })).toMatchObject({ ok: true, error: null });
  const view = await slack.waitFor(() => slack.views(ANN)[0]);
  return view.id;
}

const fill = async (slack: LocalSlack, viewId: string, command: string) => {
  await slack.suggest({ user: ANN, viewId, actionId: 'hosts', query: 'web' });
  return slack.submit({ user: ANN, viewId, values: { hosts: ['web1', 'web2'], command } });
};

describe.each([
  ['Socket Mode', 'socket' as const],
  ['signed HTTP requests', 'http' as const],
])('a modal over %s', (_name, mode) => {
  test('is opened by a shortcut, suggests, is changed, sent and closed, as Slack has it', async () => {
    await using slack = await openTestSlack({ manifest: surfaces, mode });
    const seen: Seen = [];
    const start = mode === 'socket' ? startSocketBot : startHttpBot;
    await using _bot = await start(slack, (app) => register(app, seen));
    const viewId = await openForm(slack);

    const asked = { user: ANN, viewId, actionId: 'hosts' };
    expect(await slack.suggest({ ...asked, query: '' })).toMatchObject({ error: 'query_too_short' });
    const suggested = await slack.suggest({ ...asked, query: 'web' });
    expect(suggested.groups).toEqual([{ label: null, options: [option('web1'), option('web2')] }]);
    expect(seen[0]).toMatchObject({
      type: 'block_suggestion',
      action_id: 'hosts',
      block_id: 'hosts',
      value: 'web',
      container: { type: 'view', view_id: viewId },
      view: { id: viewId, private_metadata: 'm' },
      user: { id: ANN },
      team: { id: 'T0LOCAL01' },
    });

    const dispatched = { user: ANN, viewId, actionId: 'more', value: ['dry', 'diff'] };
    expect(await slack.act({ ...dispatched, values: { command: 'uptime' } })).toMatchObject({ ok: true });
    expect(seen[1]).toMatchObject({
      type: 'block_actions',
      container: { type: 'view', view_id: viewId },
      actions: [{ type: 'checkboxes', selected_options: [option('dry'), option('diff')] }],
      view: { state: { values: { command: { command: { type: 'plain_text_input', value: 'uptime' } } } } },
    });
    expect(seen[1]).not.toHaveProperty('response_url');

    expect(await slack.act({ user: ANN, viewId, actionId: 'preview' })).toMatchObject({ ok: true });
    await slack.waitFor(() => JSON.stringify(slack.views(ANN)[0]?.view.title).includes('Preview'));
    // What was filled in outlives the update.
    expect(await slack.submit({ user: ANN, viewId, values: { hosts: ['web2'] } })).toMatchObject({
      ok: true,
      errors: {},
    });
    expect(seen[3]).toMatchObject({
      type: 'view_submission',
      trigger_id: expect.any(String),
      response_urls: [],
      view: {
        id: viewId,
        callback_id: 'run',
        root_view_id: viewId,
        previous_view_id: null,
        state: {
          values: {
            hosts: { hosts: { type: 'multi_external_select', selected_options: [option('web2')] } },
            command: { command: { type: 'plain_text_input', value: 'uptime' } },
            more: { more: { type: 'checkboxes', selected_options: [option('dry'), option('diff')] } },
          },
        },
      },
    });
    expect(slack.views(ANN)).toEqual([]);

    const other = await openForm(slack);
    expect(await slack.closeView({ user: ANN, viewId: other })).toMatchObject({ ok: true });
    expect(seen[4]).toMatchObject({ type: 'view_closed', is_cleared: false, view: { id: other } });
    expect(slack.views(ANN)).toEqual([]);
    expect(slack.violations).toEqual([]);
  });
});

describe('a modal that is sent', () => {
  test('is held back by the client where something is missing, too long or was not offered', async () => {
    await using slack = await openTestSlack({ manifest: surfaces });
    const seen: Seen = [];
    await using _bot = await startSocketBot(slack, (app) => register(app, seen), 1);
    const viewId = await openForm(slack);
    expect(await slack.submit({ user: ANN, viewId, values: { command: 'x'.repeat(11) } })).toMatchObject({
      ok: false,
      error: 'invalid_input',
      errors: {
        hosts: 'Please complete this required field.',
        command: 'Please enter no more than 10 characters.',
      },
    });
    const wrong = (values: Record<string, string[]>) => slack.submit({ user: ANN, viewId, values });
    expect(await wrong({ hosts: ['web1'] })).toMatchObject({ error: 'invalid_option: hosts' });
    expect(await wrong({ more: ['nope'] })).toMatchObject({ error: 'invalid_option: more' });
    expect(await wrong({ nope: ['a'] })).toMatchObject({ error: 'unknown_input: nope' });
    expect(await slack.submit({ user: EVE, viewId })).toMatchObject({ error: 'view_not_found' });
    expect(seen).toEqual([]);
    expect(slack.views(ANN)).toHaveLength(1);
  });

  test('stays open with the words of the app under its inputs', async () => {
    await using slack = await openTestSlack({ manifest: surfaces });
    await using _bot = await startSocketBot(slack, (app) => register(app, []), 1);
    const viewId = await openForm(slack);
    expect(await fill(slack, viewId, 'bad')).toMatchObject({ ok: false, errors: { command: 'Not that.' } });
    expect(slack.views(ANN)).toHaveLength(1);
    expect(slack.violations).toEqual([]);
    // Slack shows nothing for a block that is no input.
    expect(await fill(slack, viewId, 'astray')).toMatchObject({ ok: false, error: 'invalid_errors' });
    expect(await fill(slack, viewId, 'long')).toMatchObject({ ok: false, error: 'invalid_arguments' });
    expect(slack.violations).toMatchObject([
      { method: 'view_submission', error: 'invalid_errors' },
      { method: 'view_submission', error: 'invalid_arguments', details: [expect.stringContaining('25')] },
    ]);
  });

  test('can be followed by another, on top or in its place, and all can go at once', async () => {
    await using slack = await openTestSlack({ manifest: surfaces });
    await using _bot = await startSocketBot(slack, (app) => register(app, []), 1);
    const viewId = await openForm(slack);
    expect(await fill(slack, viewId, 'push')).toMatchObject({ ok: true });
    const [below, top] = slack.views(ANN);
    expect([below?.id, top?.previousId, top?.rootId]).toEqual([viewId, viewId, viewId]);
    expect(await slack.submit({ user: ANN, viewId })).toMatchObject({ error: 'view_not_on_top' });
    expect(await slack.submit({ user: ANN, viewId: top?.id ?? '' })).toMatchObject({ ok: true });
    expect(slack.views(ANN)).toEqual([]);
    const third = await openForm(slack);
    await fill(slack, third, 'push');
    await slack.closeView({ user: ANN, viewId: slack.views(ANN).at(-1)?.id ?? '' });
    expect(slack.views(ANN)).toMatchObject([{ id: third }]);
    expect(await fill(slack, third, 'clear')).toMatchObject({ ok: true });
    expect(slack.views(ANN)).toEqual([]);
    const again = await openForm(slack);
    expect(await fill(slack, again, 'update')).toMatchObject({ ok: true });
    expect(slack.views(ANN)).toMatchObject([{ id: again, view: { title: plain('update') } }]);
    expect(await slack.submit({ user: ANN, viewId: again })).toMatchObject({ error: 'no_submit' });
    expect(slack.violations).toEqual([]);
  });

  test('stays open where the app is silent', async () => {
    await using slack = await openTestSlack({ manifest: surfaces, pace: { ackMs: 150 } });
    let viewId = '';
    await using _bot = await startSocketBot(
      slack,
      (app) => {
        app.shortcut('run', async ({ ack, client, shortcut }) => {
          await ack();
          await client.views.open({ trigger_id: shortcut.trigger_id, view: form });
        });
        app.options('hosts', async ({ ack }) => ack({ options: [option('web1'), option('web2')] }));
        app.view('run', async () => undefined);
      },
      1,
    );
    viewId = await openForm(slack);
    expect(await fill(slack, viewId, 'a')).toMatchObject({ ok: false, error: 'operation_timeout' });
    expect(slack.views(ANN)).toHaveLength(1);
  });

  test('tells of all of a stack that is closed with the cross', async () => {
    await using slack = await openTestSlack({ manifest: surfaces });
    const seen: Seen = [];
    await using _bot = await startSocketBot(slack, (app) => register(app, seen), 1);
    const viewId = await openForm(slack);
    await fill(slack, viewId, 'push');
    const top = slack.views(ANN).at(-1)?.id ?? '';
    expect(await slack.closeView({ user: ANN, viewId: top, isWholeStack: true })).toMatchObject({ ok: true });
    expect(slack.views(ANN)).toEqual([]);
    expect(seen.at(-1)).toMatchObject({ type: 'view_closed', is_cleared: true, view: { id: viewId } });
  });
});

describe('what only some inputs have', () => {
  const label = plain('a');
  const inputs = {
    ...form,
    blocks: [
      {
        type: 'input' as const,
        block_id: 'file',
        label,
        element: { type: 'file_input' as const, action_id: 'file', max_files: 1 },
      },
      {
        type: 'input' as const,
        block_id: 'where',
        label,
        element: {
          type: 'conversations_select' as const,
          action_id: 'where',
          default_to_current_conversation: true,
          response_url_enabled: true,
        },
      },
      {
        type: 'input' as const,
        block_id: 'count',
        optional: true,
        label,
        element: {
          type: 'number_input' as const,
          action_id: 'count',
          is_decimal_allowed: false,
          max_value: '64',
        },
      },
    ],
  };

  test('a file goes to the app alone, a channel comes with a way to answer, a number is one', async () => {
    await using slack = await openTestSlack({ manifest: surfaces });
    const seen: { view?: { state: unknown }; response_urls?: { response_url: string }[] }[] = [];
    await using _bot = await startSocketBot(
      slack,
      (app) => {
        app.command('/batch', async ({ ack, client, command }) => {
          await ack();
          await client.views.open({ trigger_id: command.trigger_id, view: inputs });
        });
        app.view('run', async ({ ack, body }) => {
          seen.push(JSON.parse(JSON.stringify(body)));
          await ack();
        });
      },
      1,
    );
    await slack.command({ user: ANN, channel: OPS, command: '/batch', text: '' });
    const { id: viewId } = await slack.waitFor(() => slack.views(ANN)[0]);
    const file = slack.attach({ user: ANN, name: 'a.conf', content: 'a=1' });
    const submit = (values: Record<string, string | string[]>) => slack.submit({ user: ANN, viewId, values });
    expect(await submit({ file: ['F404'] })).toMatchObject({ error: 'file_not_found: file' });
    expect(await submit({ file: [file], count: '65' })).toMatchObject({
      errors: { count: 'Please enter a number no greater than 64.' },
    });
    expect(await submit({ count: '1.5' })).toMatchObject({
      errors: { count: 'Please enter a whole number.' },
    });
    expect(await submit({ count: '8' })).toMatchObject({ ok: true });
    expect(seen).toMatchObject([
      {
        response_urls: [{ block_id: 'where', action_id: 'where', channel_id: OPS }],
        view: {
          state: {
            values: {
              file: { file: { type: 'file_input', files: [{ id: file, name: 'a.conf', size: 3 }] } },
              where: { where: { selected_conversation: OPS } },
              count: { count: { type: 'number_input', value: '8' } },
            },
          },
        },
      },
    ]);
    expect(await call(slack, 'files.info', { file })).toMatchObject({ ok: true });
    await fetch(seen[0]?.response_urls?.[0]?.response_url ?? '', {
      method: 'POST',
      body: JSON.stringify({ text: 'thanks' }),
    });
    expect(slack.ephemerals(ANN)).toMatchObject([{ text: 'thanks', channel: OPS }]);
    expect(slack.violations).toEqual([]);
  });
});

describe('views that Slack refuses', () => {
  const select = (element: object) => ({
    ...form,
    blocks: [{ type: 'input', label: plain('a'), element: { action_id: 'a', ...element } }],
  });
  const many = Array.from({ length: 101 }, (_, index) => option(`o${index}`));

  test.each([
    ['a title of 25 characters', { ...form, title: plain('x'.repeat(25)) }],
    ['101 blocks', { ...form, blocks: Array.from({ length: 101 }, () => ({ type: 'divider' })) }],
    ['metadata of 3,001 characters', { ...form, private_metadata: 'x'.repeat(3_001) }],
    ['inputs without a submit', { ...form, submit: undefined }],
    ['a select without options', select({ type: 'static_select', options: [] })],
    ['a select with 101 options', select({ type: 'static_select', options: many })],
    [
      'an initial option that is none of its options',
      select({ type: 'static_select', options: [option('a')], initial_option: option('b') }),
    ],
    [
      'an initial option with other words',
      select({
        type: 'checkboxes',
        options: [option('a')],
        initial_options: [{ text: plain('other'), value: 'a' }],
      }),
    ],
    ['eleven checkboxes', select({ type: 'checkboxes', options: many.slice(0, 11) })],
    ['a markdown block', { ...form, blocks: [{ type: 'markdown', text: 'a' }] }],
    ['a container', { ...form, blocks: [{ type: 'container', title: plain('a'), child_blocks: [] }] }],
  ])('%s', async (_what, view) => {
    await using slack = await openTestSlack({ manifest: surfaces });
    const opened = await call(slack, 'views.open', { trigger_id: 'x', view });
    expect(opened).toMatchObject({ error: 'invalid_arguments', response_metadata: expect.anything() });
  });

  test('an alert outside of a modal, a push onto nothing, a fourth on top, an id twice', async () => {
    await using slack = await openTestSlack({ manifest: surfaces });
    const alert = { type: 'alert', text: plain('Careful') };
    await using _bot = await startSocketBot(
      slack,
      (app) => {
        app.command('/batch', async ({ ack }) => ack());
      },
      1,
    );
    const trigger = async () =>
      (await slack.command({ user: ANN, channel: OPS, command: '/batch', text: '' })).triggerId;
    const view = { ...form, external_id: 'one', blocks: [alert] };
    const home = { user_id: ANN, view: { type: 'home', blocks: [alert] } };
    expect(await call(slack, 'views.publish', home)).toMatchObject({ error: 'invalid_arguments' });
    const push = async (change: object = {}) =>
      call(slack, 'views.push', { trigger_id: await trigger(), view: { ...form, ...change } });
    expect(await push()).toMatchObject({ error: 'invalid_trigger_id' });
    expect(await call(slack, 'views.open', { trigger_id: await trigger(), view })).toMatchObject({
      ok: true,
    });
    expect(await push({ external_id: 'one' })).toMatchObject({ error: 'duplicate_external_id' });
    expect(await push()).toMatchObject({ ok: true });
    expect(await push()).toMatchObject({ ok: true });
    expect(await push()).toMatchObject({ error: 'push_limit_reached' });
    const gone = { view_id: 'V404', view: form };
    expect(await call(slack, 'views.update', gone)).toMatchObject({ error: 'not_found' });
  });

  test('suggestions that are no options, or too many', async () => {
    await using slack = await openTestSlack({ manifest: surfaces });
    await using _bot = await startSocketBot(
      slack,
      (app) => {
        app.shortcut('run', async ({ ack, client, shortcut }) => {
          await ack();
          await client.views.open({ trigger_id: shortcut.trigger_id, view: form });
        });
        app.options('hosts', async ({ ack, options }) =>
          ack({ options: options.value === 'many' ? many : [{ text: plain('x'.repeat(76)), value: 'a' }] }),
        );
      },
      1,
    );
    const viewId = await openForm(slack);
    for (const query of ['many', 'long'])
      expect(await slack.suggest({ user: ANN, viewId, actionId: 'hosts', query })).toMatchObject({
        error: 'invalid_options',
        groups: [],
      });
    expect(slack.violations.map(({ method, error }) => [method, error])).toEqual([
      ['block_suggestion', 'invalid_options'],
      ['block_suggestion', 'invalid_options'],
    ]);
  });
});
