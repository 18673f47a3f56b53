import { describe, expect, test } from 'vitest';
import type { LocalSlack } from '../../../../src/sandbox/slack/local-slack.ts';
import { ANN, BOT, call, OPS, openTestSlack, SECRET, startSocketBot, surfaces } from '../rig.ts';
import { form, openForm, option, plain } from './modal-app.ts';

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
