import type { App } from '@slack/bolt';
import { describe, expect, test } from 'vitest';
import type { LocalSlack } from '../../../../src/sandbox/slack/local-slack.ts';
import {
  ANN,
  BOT,
  call,
  EVE,
  OPS,
  openTestSlack,
  SECRET,
  startHttpBot,
  startSocketBot,
  surfaces,
} from '../rig.ts';

const plain = (text: string) => ({ type: 'plain_text' as const, text });
const option = (value: string) => ({ text: plain(value.toUpperCase()), value });

const form = {
  type: 'modal' as const,
  callback_id: 'run',
  title: plain('Run'),
  submit: plain('Run'),
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
      label: plain('More'),
      element: {
        type: 'static_select' as const,
        action_id: 'more',
        options: [option('dry'), option('diff')],
        initial_option: option('dry'),
      },
    },
    { type: 'section' as const, block_id: 'note', text: plain('Nothing yet.') },
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
  app.view('run', async ({ ack, body, view }) => {
    seen.push({ ...body });
    const command = view.state.values.command?.command?.value ?? '';
    const next = { type: 'modal' as const, title: plain(command), blocks: form.blocks.slice(3) };
    if (command === 'bad') await ack({ response_action: 'errors', errors: { command: 'Not that.' } });
    else if (command === 'astray') await ack({ response_action: 'errors', errors: { note: 'no input' } });
    else if (command === 'push') await ack({ response_action: 'push', view: next });
    else if (command === 'update') await ack({ response_action: 'update', view: next });
    else if (command === 'preview')
      await ack({ response_action: 'update', view: { ...form, title: plain('Preview') } });
    else if (command === 'clear') await ack({ response_action: 'clear' });
    else if (command === 'long')
      await ack({ response_action: 'update', view: { ...next, title: plain('x'.repeat(25)) } });
    else await ack();
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

test.each([
  ['raw', 'a & <b>'],
  ['entities', 'a &amp; &lt;b&gt;'],
] as const)(
  'what is typed into a form comes as the workspace has it, what is chosen as the app wrote it: %s',
  async (formText, text) => {
    await using slack = await openTestSlack({ manifest: surfaces, mode: 'socket', formText });
    const seen: Seen = [];
    await using _bot = await startSocketBot(slack, (app) => register(app, seen));
    const viewId = await openForm(slack);
    await fill(slack, viewId, 'a & <b>');
    expect(seen.at(-1)).toMatchObject({
      view: {
        state: {
          values: {
            command: { command: { value: text } },
            hosts: { hosts: { selected_options: [option('web1'), option('web2')] } },
          },
        },
      },
    });
  },
);

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

    // What stands in an input goes with the form, not before it.
    expect(await slack.act({ user: ANN, viewId, actionId: 'more' })).toMatchObject({
      error: 'action_not_found',
    });
    const chosen = { hosts: ['web2'], more: 'diff', command: 'preview' };
    expect(await slack.submit({ user: ANN, viewId, values: chosen })).toMatchObject({ ok: true });
    expect(slack.views(ANN)).toMatchObject([{ id: viewId, view: { title: plain('Preview') } }]);
    // What was filled in outlives the update.
    expect(await slack.submit({ user: ANN, viewId, values: { command: 'uptime' } })).toMatchObject({
      ok: true,
      errors: {},
    });
    expect(seen[2]).toMatchObject({
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
            more: { more: { type: 'static_select', selected_option: option('diff') } },
          },
        },
      },
    });
    expect(slack.views(ANN)).toEqual([]);

    const other = await openForm(slack);
    expect(slack.closeView({ user: EVE, viewId: other })).toBe('view_not_found');
    expect(slack.closeView({ user: ANN, viewId: other })).toBeNull();
    expect(seen).toHaveLength(3);
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

  test('can be followed by another in its place; that one on top of it is not to be had', async () => {
    await using slack = await openTestSlack({ manifest: surfaces });
    await using _bot = await startSocketBot(slack, (app) => register(app, []), 1);
    const viewId = await openForm(slack);
    expect(await fill(slack, viewId, 'update')).toMatchObject({ ok: true });
    expect(slack.views(ANN)).toMatchObject([{ id: viewId, view: { title: plain('update') } }]);
    expect(await slack.submit({ user: ANN, viewId })).toMatchObject({ error: 'no_submit' });
    expect(slack.violations).toEqual([]);
    slack.closeView({ user: ANN, viewId });
    const again = await openForm(slack);
    for (const command of ['push', 'clear'])
      expect(await fill(slack, again, command)).toMatchObject({ error: 'invalid_response_action' });
    expect(slack.violations.map(({ details }) => details)).toEqual([
      ['the sandbox does not have response_action push'],
      ['the sandbox does not have response_action clear'],
    ]);
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
});

describe('a conversations_select', () => {
  const where = (element: object, block_id = 'where') => ({
    type: 'modal' as const,
    callback_id: 'run',
    title: plain('Run'),
    submit: plain('Run'),
    blocks: [
      {
        type: 'input' as const,
        block_id,
        optional: true,
        label: plain('Where'),
        element: { type: 'conversations_select' as const, action_id: 'where', ...element },
      },
    ],
  });
  const filter = { include: ['public', 'private'], exclude_bot_users: true };
  const open = async (slack: LocalSlack, element: object, channel = OPS) => {
    const { triggerId } = await slack.command({ user: ANN, channel, command: '/batch', text: '' });
    return call(slack, 'views.open', { trigger_id: triggerId, view: where(element) });
  };
  const openSlack = async () => {
    const slack = await openTestSlack({ manifest: surfaces });
    const bot = await startSocketBot(slack, (app) => app.command('/batch', async ({ ack }) => ack()), 1);
    slack.workspace.addChannel({ id: 'D0ANNBOT1', name: 'ann', kind: 'im', members: [ANN, BOT] });
    return { slack, bot };
  };

  test.each([
    ['a direct message', 'D0ANNBOT1'],
    ['what is no channel', 'C404'],
  ])('that begins with what its filter holds back is refused: %s', async (_what, initial_conversation) => {
    const { slack, bot } = await openSlack();
    await using _slack = slack;
    await using _bot = bot;
    expect(await open(slack, { filter, initial_conversation })).toMatchObject({
      error: 'invalid_arguments',
      response_metadata: { messages: [expect.stringContaining('initial_conversation')] },
    });
    expect(slack.views(ANN)).toEqual([]);
    expect(await open(slack, { filter, initial_conversation: OPS })).toMatchObject({ ok: true });
  });

  test('begins where the person is only where that is offered, and takes nothing else either', async () => {
    const { slack, bot } = await openSlack();
    await using _slack = slack;
    await using _bot = bot;
    const element = { filter, default_to_current_conversation: true };
    const chosen = () => slack.views(ANN)[0]?.state.where?.where;
    await open(slack, element);
    expect(chosen()).toEqual({ type: 'conversations_select', selected_conversation: OPS });
    await open(slack, element, 'D0ANNBOT1');
    expect(chosen()).toEqual({ type: 'conversations_select', selected_conversation: null });
    const viewId = slack.views(ANN)[0]?.id ?? '';
    const choose = (id: string) => slack.submit({ user: ANN, viewId, values: { where: id } });
    expect(await choose('D0ANNBOT1')).toMatchObject({ error: 'invalid_option: where' });
    slack.workspace.changeChannel(SECRET, { members: new Set() });
    expect(await choose(SECRET)).toMatchObject({ error: 'invalid_option: where' });
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
        type: 'static_select',
        options: [option('a')],
        initial_option: { text: plain('other'), value: 'a' },
      }),
    ],
  ])('%s', async (_what, view) => {
    await using slack = await openTestSlack({ manifest: surfaces });
    const opened = await call(slack, 'views.open', { trigger_id: 'x', view });
    expect(opened).toMatchObject({ error: 'invalid_arguments', response_metadata: expect.anything() });
  });

  test('one that is larger than any', async () => {
    await using slack = await openTestSlack({ manifest: surfaces });
    const words = { type: 'section', text: { type: 'mrkdwn', text: 'x'.repeat(2_990) } };
    const view = { type: 'home', blocks: Array.from({ length: 90 }, () => words) };
    expect(await call(slack, 'views.publish', { user_id: ANN, view })).toMatchObject({
      error: 'view_too_large',
    });
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
