import { describe, expect, test } from 'vitest';
import { ANN, EVE, openTestSlack, startHttpBot, startSocketBot, surfaces } from '../rig.ts';
import { fill, form, openForm, option, plain, register, type Seen } from './modal-app.ts';

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
