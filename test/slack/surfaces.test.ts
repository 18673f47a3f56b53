import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import { formatNotice } from '../../src/report/answers.ts';
import { plain } from '../../src/report/message.ts';
import { formatRunForm } from '../../src/report/views/form.ts';
import { ANN, OPS, OUTSIDER, openDoorRig, SECRET } from './rig.ts';

const run = (text = '') => ({ user: ANN, channel: OPS, command: '/batch_run', text });

describe.concurrent('windows', () => {
  test('open with the trigger of the command, over both ways in', async () => {
    for (const mode of ['socket', 'http'] as const) {
      await using rig = await openDoorRig(mode);
      rig.desk.answer = async () => formatRunForm({ channelId: OPS, metadata: '{"a":1}' });
      await rig.slack.command(run());
      const view = await rig.slack.waitFor(() => rig.slack.views(ANN).at(-1));
      expect(view.view.private_metadata).toBe('{"a":1}');
      expect(rig.slack.violations).toEqual([]);
    }
  });

  test('that cannot be opened in time are told about', async () => {
    await using rig = await openDoorRig();
    rig.slack.order({ method: 'views.open', kind: 'error', error: 'expired_trigger_id', times: 1 });
    rig.desk.answer = async () => formatRunForm({ channelId: OPS, metadata: '{}' });
    const outcome = await rig.slack.command(run());
    const answer = await rig.slack.waitFor(() => outcome.answers()[0]);
    expect(answer.onlyFor).toBe(ANN);
    expect(answer.text).toMatch(/could not be opened/);
  });

  test('are what a shortcut answers with, as it has no channel', async () => {
    await using rig = await openDoorRig();
    rig.desk.answer = async () => formatNotice('Not today.');
    await rig.slack.shortcut({ user: ANN, callbackId: 'batchops_run' });
    const view = await rig.slack.waitFor(() => rig.slack.views(ANN).at(-1));
    expect(JSON.stringify(view.view.blocks)).toContain('Not today.');
    expect(rig.desk.shortcuts).toMatchObject([{ callbackId: 'batchops_run', channelId: '', files: [] }]);
  });

  test('are told of a file what its message tells: in shared channels that is its id alone', async () => {
    await using rig = await openDoorRig();
    const file = { user: ANN, channel: OPS, name: 'motd', content: 'hello' };
    for (const isBare of [false, true]) {
      const { ts } = rig.slack.upload({ ...file, isBare });
      await rig.slack.messageShortcut({ user: ANN, channel: OPS, ts, callbackId: 'batchops_send_file' });
    }
    await rig.slack.waitFor(() => rig.desk.shortcuts.length === 2);
    expect(rig.desk.shortcuts.map(({ files }) => files)).toEqual([
      [{ id: expect.stringMatching(/^F/), name: 'motd', bytes: 5, uploader: ANN }],
      [{ id: expect.stringMatching(/^F/) }],
    ]);
  });

  test('give their fields, and one key however often they are sent', async () => {
    await using rig = await openDoorRig();
    rig.desk.answer = async () => formatRunForm({ channelId: OPS, metadata: '{}' });
    await rig.slack.command(run());
    const view = await rig.slack.waitFor(() => rig.slack.views(ANN).at(-1));
    rig.desk.options = [{ label: plain('Hosts'), options: [{ text: plain('web01'), value: 'web01' }] }];
    await rig.slack.suggest({ user: ANN, viewId: view.id, actionId: 'batchops_form_hosts', query: 'w' });
    const values = { batchops_form_hosts: ['web01'], command: 'df -h' };
    const sent = await rig.slack.submit({ user: ANN, viewId: view.id, values });
    expect(sent.errors).toEqual({ terms: 'Heard.' });
    await rig.slack.submit({ user: ANN, viewId: view.id, values });
    expect(rig.desk.forms[0]?.fields).toEqual({ hosts: ['web01'], command: ['df -h'], channel: [OPS] });
    expect(new Set(rig.desk.forms.map(({ requestKey }) => requestKey)).size).toBe(1);
  });

  test('begin only what was acked, and answer in the channel, or directly where the bot may not speak', async () => {
    await using rig = await openDoorRig();
    const begun: string[] = [];
    for (const channelId of [OPS, SECRET]) {
      rig.desk.answer = async () => formatRunForm({ channelId: OPS, metadata: '{}' });
      rig.desk.verdict = {
        kind: 'accepted',
        channelId,
        begin: async () => {
          begun.push(channelId);
          return formatNotice(`Begun in ${channelId}.`);
        },
      };
      await rig.slack.command(run());
      const view = await rig.slack.waitFor(() => rig.slack.views(ANN).at(-1));
      await rig.slack.submit({ user: ANN, viewId: view.id, values: { command: 'id' } });
    }
    await rig.slack.waitFor(() => rig.slack.ephemerals(ANN).some(({ text }) => text === `Begun in ${OPS}.`));
    await rig.slack.waitFor(() =>
      rig.slack.calls.some(
        ({ method, channel, error }) =>
          method === 'chat.postMessage' && channel === ANN && error === undefined,
      ),
    );
    expect(begun).toEqual([OPS, SECRET]);
  });

  test('that were judged too late for Slack, which says then that they failed, begin nothing, and say so', async () => {
    await using rig = await openDoorRig();
    const begun: string[] = [];
    rig.desk.answer = async () => formatRunForm({ channelId: OPS, metadata: '{}' });
    rig.desk.submit = async () => {
      await delay(3_000);
      const begin = async () => void begun.push('begun');
      return { kind: 'accepted', channelId: OPS, begin };
    };
    await rig.slack.command(run());
    const view = await rig.slack.waitFor(() => rig.slack.views(ANN).at(-1));
    await rig.slack.submit({ user: ANN, viewId: view.id, values: { command: 'id' } });
    await rig.slack.waitFor(() =>
      rig.slack.ephemerals(ANN).some(({ text }) => text.includes('Send it again')),
    );
    expect(begun).toEqual([]);
  });

  test('answer also where the Home tab cannot be drawn', async () => {
    await using rig = await openDoorRig();
    rig.desk.answer = async () => formatRunForm({ channelId: OPS, metadata: '{}' });
    rig.desk.home = async () => {
      throw new Error('no store');
    };
    rig.desk.verdict = {
      kind: 'accepted',
      channelId: OPS,
      begin: async () => formatNotice('Refused: nothing was run.'),
    };
    await rig.slack.command(run());
    const view = await rig.slack.waitFor(() => rig.slack.views(ANN).at(-1));
    await rig.slack.submit({ user: ANN, viewId: view.id, values: { command: 'id' } });
    await rig.slack.waitFor(() =>
      rig.slack.ephemerals(ANN).some(({ text }) => text === 'Refused: nothing was run.'),
    );
    await rig.slack.waitFor(() => rig.log.lines.some(({ message }) => /Home tab/.test(message)));
  });

  test('mask what stands below a field', async () => {
    await using rig = await openDoorRig('socket', {}, (text) => text.replaceAll('hunter2', '•••'));
    rig.desk.answer = async () => formatRunForm({ channelId: OPS, metadata: '{}' });
    rig.desk.verdict = { kind: 'faults', faults: { limit: 'hunter2 & more is no time.' } };
    await rig.slack.command(run());
    const view = await rig.slack.waitFor(() => rig.slack.views(ANN).at(-1));
    const sent = await rig.slack.submit({ user: ANN, viewId: view.id, values: { command: 'id' } });
    expect(sent.errors).toEqual({ limit: '••• & more is no time.' });
  });

  test('that end in a defect say so under a number, and tell nothing of its inside', async () => {
    await using rig = await openDoorRig();
    rig.desk.answer = async () => formatRunForm({ channelId: OPS, metadata: '{}' });
    rig.desk.submit = async () => {
      throw new Error('secret inside');
    };
    await rig.slack.command(run());
    const view = await rig.slack.waitFor(() => rig.slack.views(ANN).at(-1));
    await rig.slack.submit({ user: ANN, viewId: view.id, values: { command: 'id' } });
    const shown = JSON.stringify(rig.slack.views(ANN).at(-1)?.view);
    expect(shown).toMatch(/d-[0-9a-f]{8}/);
    expect(shown).not.toContain('secret inside');
  });
});

describe.concurrent('people of another workspace', () => {
  test('are offered nothing, shown no Home tab, and asked of nobody', async () => {
    await using rig = await openDoorRig();
    rig.desk.options = [{ label: plain('Hosts'), options: [{ text: plain('web01'), value: '0' }] }];
    const block = {
      type: 'actions',
      block_id: 'batchops_run:r-7k3f:finished',
      elements: [{ type: 'external_select', action_id: 'batchops_show_host', min_query_length: 0 }],
    };
    const { ts = '' } = await rig.workspace.posts.chat.postMessage({
      channel: OPS,
      text: 'x',
      blocks: [block],
    });
    const ask = { channel: OPS, ts, actionId: 'batchops_show_host', query: '' };
    const own = await rig.slack.suggest({ user: ANN, ...ask });
    expect(own.groups.flatMap((group) => group.options)).toHaveLength(1);
    const theirs = await rig.slack.suggest({ user: OUTSIDER, ...ask });
    expect(theirs.groups.flatMap((group) => group.options)).toEqual([]);
    expect(rig.desk.queries.map(({ requester }) => requester.userId)).toEqual([ANN]);
    expect(rig.desk.queries[0]).toMatchObject({ blockId: block.block_id, channelId: OPS });
  });
});

test('a click tells what was chosen, in which block, and when by the clock of Slack', async () => {
  await using rig = await openDoorRig();
  rig.desk.options = [{ label: plain('Hosts'), options: [{ text: plain('web01'), value: '7' }] }];
  const block = {
    type: 'actions',
    block_id: 'batchops_run:r-7k3f:finished',
    elements: [{ type: 'external_select', action_id: 'batchops_show_host', min_query_length: 0 }],
  };
  const { ts = '' } = await rig.workspace.posts.chat.postMessage({
    channel: OPS,
    text: 'x',
    blocks: [block],
  });
  const click = { user: ANN, channel: OPS, ts, actionId: 'batchops_show_host' };
  await rig.slack.suggest({ ...click, query: '' });
  const outcome = await rig.slack.click({ ...click, values: ['7'] });
  await outcome.redeliver();
  await vi.waitFor(() => expect(rig.desk.clicks).toHaveLength(2));
  const [first, second] = rig.desk.clicks;
  expect(first).toMatchObject({ value: '7', blockId: block.block_id, channelId: OPS });
  expect(Math.abs((first?.clickedAt ?? 0) - Date.now())).toBeLessThan(60_000);
  expect(second).toEqual(first);
});
