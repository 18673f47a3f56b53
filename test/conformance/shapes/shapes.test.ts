import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { App } from '@slack/bolt';
import { expect, test } from 'vitest';
import { RUN_SHORTCUT, SEND_SHORTCUT } from '../../../src/report/views/form.ts';
import type { LocalSlack } from '../../../src/sandbox/slack/local-slack.ts';
import { TRAFFIC, type Traffic } from '../../../src/sandbox/slack/traffic.ts';
import {
  ANN,
  call,
  manifest,
  OPS,
  openTestSlack,
  startHttpBot,
  startSocketBot,
} from '../../sandbox/slack/rig.ts';
import { findMisfits, SHAPES, shapeOf } from './fits.ts';

const plain = (text: string) => ({ type: 'plain_text' as const, text });
const option = (value: string) => ({ text: plain(value), value });
const button = { type: 'button' as const, action_id: 'go', text: plain('Go'), value: '1' };
const search = {
  type: 'external_select' as const,
  action_id: 'host',
  placeholder: plain('Host'),
  min_query_length: 0,
};
const actions = { type: 'actions' as const, elements: [button, search] };
const view = {
  type: 'modal' as const,
  callback_id: 'form',
  title: plain('Run'),
  submit: plain('Run'),
  notify_on_close: true,
  blocks: [
    actions,
    {
      type: 'input' as const,
      block_id: 'command',
      label: plain('Command'),
      element: { type: 'plain_text_input' as const, action_id: 'command' },
    },
  ],
};

/** Hears everything, and opens what can be opened. */
function register(app: App): void {
  app.command('/batch', async ({ ack, body, client }) => {
    await ack();
    const opened = await client.views.open({ trigger_id: body.trigger_id, view });
    await client.views.update({ view_id: opened.view?.id ?? '', view });
  });
  app.action(/.*/, ({ ack }) => ack());
  app.options(/.*/, ({ ack }) => ack({ options: [option('web01')] }));
  app.view(/.*/, ({ ack }) => ack());
  app.view({ type: 'view_closed', callback_id: /.*/ }, ({ ack }) => ack());
  app.shortcut(/.*/, ({ ack }) => ack());
  app.event('app_home_opened', async ({ event, client }) => {
    await client.views.publish({ user_id: event.user, view: { type: 'home', blocks: [actions] } });
  });
}

/** All that people can do, so that the app is sent all that it can be sent. */
async function doEverything(slack: LocalSlack): Promise<void> {
  const blocks = [actions];
  const posted = await call(slack, 'chat.postMessage', { channel: OPS, text: 'Hosts', blocks });
  const ts = String(posted.ts);
  await call(slack, 'chat.postMessage', { channel: OPS, text: 'reply', thread_ts: ts });
  await call(slack, 'chat.postEphemeral', { channel: OPS, text: 'For you', user: ANN, blocks });
  await slack.click({ user: ANN, channel: OPS, ts, actionId: 'go' });
  await slack.suggest({ user: ANN, channel: OPS, ts, actionId: 'host', query: 'w' });
  await slack.click({ user: ANN, channel: OPS, ts, actionId: 'host', values: ['web01'] });
  const private_ = slack.ephemerals(ANN)[0]?.ts ?? '';
  await slack.click({ user: ANN, channel: OPS, ts: private_, actionId: 'go' });
  await slack.command({ user: ANN, channel: OPS, command: '/batch', text: 'form' });
  const modal = await slack.waitFor(() => slack.views(ANN)[0]);
  const inModal = { user: ANN, viewId: modal.id };
  await slack.suggest({ ...inModal, actionId: 'host', query: 'w' });
  await slack.act({ ...inModal, actionId: 'go' });
  await slack.submit({ ...inModal, values: { command: 'id' } });
  await slack.command({ user: ANN, channel: OPS, command: '/batch', text: 'form' });
  const other = await slack.waitFor(() => slack.views(ANN).find(({ view }) => view.notify_on_close === true));
  slack.closeView({ user: ANN, viewId: other.id });
  await slack.openHome({ user: ANN });
  const home = await slack.waitFor(() => slack.home(ANN));
  await slack.act({ user: ANN, viewId: home.id, actionId: 'go' });
  await slack.openHome({ user: ANN });
  await slack.shortcut({ user: ANN, callbackId: RUN_SHORTCUT });
  for (const isBare of [false, true]) {
    const shared = slack.upload({ user: ANN, channel: OPS, name: 'a.txt', content: 'x', isBare });
    await slack.messageShortcut({ user: ANN, channel: OPS, ts: shared.ts, callbackId: SEND_SHORTCUT });
  }
}

/** All that the app can ask. */
async function askEverything(slack: LocalSlack): Promise<void> {
  const posted = await call(slack, 'chat.postMessage', {
    channel: OPS,
    text: 'r-1',
    blocks: [{ type: 'divider' }],
    metadata: { event_type: 'post', event_payload: { key: 'root' } },
  });
  await call(slack, 'chat.update', { channel: OPS, ts: posted.ts, text: 'done', blocks: [] });
  await call(slack, 'chat.postMessage', { channel: OPS, text: 'x'.repeat(41_000) });
  await call(slack, 'chat.postMessage', { channel: OPS, text: 'x', thread_ts: posted.ts });
  await call(slack, 'chat.postMessage', { channel: OPS });
  const begun = await call(slack, 'files.getUploadURLExternal', { filename: 'a.log', length: 3 });
  await fetch(String(begun.upload_url), { method: 'POST', body: 'abc' });
  const files = [{ id: begun.file_id, title: 'a.log' }];
  await call(slack, 'files.completeUploadExternal', { files, channel_id: OPS, thread_ts: posted.ts });
  await slack.waitFor(() => slack.thread(OPS, String(posted.ts)).some((each) => each.files.length > 0));
  await call(slack, 'files.info', { file: begun.file_id });
  await call(slack, 'files.list', { channel: OPS });
  await call(slack, 'conversations.history', { channel: OPS, include_all_metadata: true, limit: 2 });
  await call(slack, 'conversations.replies', { channel: OPS, ts: posted.ts, limit: 2 });
  for (const channel of [OPS, slack.workspace.openDirectMessage(ANN, slack.settings.bot.userId).id])
    await call(slack, 'conversations.info', { channel });
  for (const user of ['U0ANN0001', 'U0EVE0001', 'U0GON0001', 'U0FAR0001'])
    await call(slack, 'users.info', { user });
  await call(slack, 'usergroups.users.list', { usergroup: 'S0OPS0001' });
}

const GRID = { enterprise: { id: 'E0ORG0001', name: 'Acme' } };

async function listen(work: (hear: Traffic[]) => Promise<void>): Promise<readonly Traffic[]> {
  const heard: Traffic[] = [];
  // What is sent is JSON, so it is looked at as that.
  const hear = (part: unknown): unknown => heard.push(JSON.parse(JSON.stringify(part)));
  subscribe(TRAFFIC, hear);
  try {
    await work(heard);
  } finally {
    unsubscribe(TRAFFIC, hear);
  }
  return heard;
}

function openFullSlack(options: Parameters<typeof openTestSlack>[0]) {
  return openTestSlack({
    ...options,
    manifest,
    pace: { isLimited: false, refreshMs: 5 },
    users: [
      { id: ANN, name: 'ann', realName: 'Ann Operator', homeTeamId: 'T0HOME001' },
      { id: 'U0EVE0001', name: 'eve', guest: 'multi-channel' },
      { id: 'U0GON0001', name: 'gone', isDeactivated: true },
      { id: 'U0FAR0001', name: 'far', teamId: 'T0FAR0001' },
    ],
    userGroups: [{ id: 'S0OPS0001', handle: 'ops', users: [ANN] }],
  });
}

test.each([
  ['in a workspace', 'socket' as const, {}],
  ['in an organisation', 'socket' as const, GRID],
  ['over HTTP', 'http' as const, {}],
])('%s the app is sent and answered what Slack sends, and nothing else', async (_where, mode, more) => {
  const heard = await listen(async () => {
    await using slack = await openFullSlack({ mode, ...more });
    const start = mode === 'socket' ? startSocketBot : startHttpBot;
    await using _bot = await start(slack, register);
    await doEverything(slack);
    await askEverything(slack);
    slack.refreshSockets();
  });
  expect(Array.from(new Set(heard.flatMap(findMisfits))).toSorted()).toEqual([]);
  const met = new Set(heard.flatMap((part) => shapeOf(part) ?? []));
  const expected = Object.keys(SHAPES).filter((name) =>
    (mode === 'socket' ? /^(?:frame|answer) / : /^(?:payload|answer (?!apps)) /).test(name),
  );
  expect(expected.filter((name) => !met.has(name))).toEqual([]);
});
