import { expect, test, vi } from 'vitest';
import { plain } from '../../../src/report/message.ts';
import { formatRunForm, RUN_SHORTCUT, SEND_SHORTCUT } from '../../../src/report/views/form.ts';
import { createDirectory } from '../../../src/slack/directory.ts';
import { createSharedFiles } from '../../../src/slack/shared-files.ts';
import { LIVE_WINDOW } from '../../../src/thread/reply/live.ts';
import { ANN, type DoorRig, OPS, openDoorRig, openPosterRig, settingsFor } from '../../slack/rig.ts';
import { isSent, SHAPES } from './fits.ts';
import { watchReads } from './reads.ts';

/** Everything that people do comes to the desk. */
async function visit({ slack, desk, workspace }: DoorRig): Promise<void> {
  await slack.command({ user: ANN, channel: OPS, command: '/batch', text: 'help' });
  const select = { type: 'external_select' as const, action_id: 'batchops_host', min_query_length: 0 };
  const posted = await workspace.posts.chat.postMessage({
    channel: OPS,
    text: 'Hosts',
    blocks: [
      {
        type: 'actions',
        elements: [{ type: 'button', action_id: 'batchops_go', text: plain('Go'), value: 'r-1' }, select],
      },
    ],
  });
  const on = { user: ANN, channel: OPS, ts: posted.ts ?? '' };
  desk.options = [{ label: plain('Hosts'), options: [{ text: plain('web01'), value: 'web01' }] }];
  await slack.click({ ...on, actionId: 'batchops_go' });
  await slack.suggest({ ...on, actionId: 'batchops_host', query: 'w' });
  await slack.click({ ...on, actionId: 'batchops_host', values: ['web01'] });
  for (const isBare of [false, true]) {
    const { ts } = slack.upload({ user: ANN, channel: OPS, name: 'a', content: 'x', isBare });
    await slack.messageShortcut({ user: ANN, channel: OPS, ts, callbackId: SEND_SHORTCUT });
  }
  await slack.waitFor(() => desk.shortcuts.length === 2);
  desk.answer = async () => formatRunForm({ channelId: OPS, metadata: '{}' });
  await slack.shortcut({ user: ANN, callbackId: RUN_SHORTCUT });
  const form = await slack.waitFor(() =>
    slack.views(ANN).find(({ view }) => view.callback_id !== 'batchops_notice' && view.submit !== undefined),
  );
  await slack.suggest({ user: ANN, viewId: form.id, actionId: 'batchops_form_hosts', query: 'w' });
  await slack.submit({
    user: ANN,
    viewId: form.id,
    values: { batchops_form_hosts: ['web01'], command: 'id', channel: OPS },
  });
  await slack.waitFor(() => desk.forms[0]);
  const view = { type: 'modal', callback_id: LIVE_WINDOW, title: plain('x'), close: plain('x') } as const;
  const live = { ...view, notify_on_close: true, blocks: [{ type: 'divider' }] } as const;
  desk.answer = async () => ({
    view: live,
    instead: { text: 'x', blocks: [] },
    look: async () => ({ view: live, isLast: true }),
  });
  await slack.click({ ...on, actionId: 'batchops_go' });
  const shown = await slack.waitFor(() =>
    slack.views(ANN).find((one) => one.view.callback_id === LIVE_WINDOW),
  );
  slack.closeView({ user: ANN, viewId: shown.id });
  await slack.openHome({ user: ANN });
  await slack.waitFor(() => slack.home(ANN));
}

test('every key that we read of what Slack sends is one that Slack sends', async () => {
  using reads = watchReads();
  {
    await using door = await openDoorRig();
    await visit(door);
    const { slack, workspace, log } = door;
    const directory = createDirectory(workspace, log);
    await directory.standingOf({ teamId: workspace.teamId, userId: ANN }, OPS, new Set(['S0NONE001']));
    const files = createSharedFiles(settingsFor(slack), workspace, log);
    const [listed] = await files.list(OPS);
    for await (const _ of await files.open(listed?.id ?? '', 100));
  }
  {
    await using poster = await openPosterRig({ pace: { isLimited: false } });
    const { slack, outbox, contents } = poster;
    const root = await poster.workspace.posts.chat.postMessage({ channel: OPS, text: 'r-1' });
    for (const method of ['chat.postMessage', 'files.completeUploadExternal'])
      slack.order({ method, kind: 'lost-answer', times: 1 });
    contents.set('file:1', { filename: 'a.log', content: Buffer.from('abc'), comment: '' });
    outbox.put({ key: 'reply:1', channelId: OPS, threadTs: root.ts ?? '' });
    outbox.put({ key: 'file:1', sends: 'file', channelId: OPS, threadTs: root.ts ?? '' });
    poster.start();
    await vi.waitFor(
      () => expect([outbox.state('reply:1'), outbox.state('file:1')]).toEqual(['sent', 'sent']),
      { timeout: 20_000 },
    );
  }
  const paths = Array.from(reads.paths).toSorted();
  expect(paths.filter((path) => !isSent(path))).toEqual([]);
  const read = new Set(paths.map((path) => path.split('.', 2)[0]));
  const kinds = Object.keys(SHAPES).filter((name) => name.startsWith('payload '));
  expect(kinds.filter((name) => !read.has(name))).toEqual([]);
  expect(paths).toEqual(expect.arrayContaining(['payload slash_commands.text', 'payload shortcut.user.id']));
});

test.each([
  ['payload slash_commands.team_id', true],
  ['payload slash_commands.thread_ts', false],
  ['payload shortcut.view', true],
  ['payload shortcut.channels', false],
  ['answer conversations.replies.messages[].files[].size', true],
  ['answer conversations.replies.messages[].files[].bytes', false],
  ['answer conversations.info.channel.user', true],
  ['answer users.info.user.is_guest', false],
])('of %s it is known whether Slack sends it: %s', (path, isIt) => {
  expect(isSent(path)).toBe(isIt);
});
