import { expect, test, vi } from 'vitest';
import type { FileUpload } from '../../src/report/message.ts';
import { ANN, OPS, openDoorRig, openPosterRig } from './rig.ts';

test('sockets that Slack lets nobody open for a while are opened when it said, and not asked for before', async () => {
  await using rig = await openDoorRig();
  const { slack } = rig;
  await slack.waitFor(() => slack.socketCount === 2);
  const method = 'apps.connections.open';
  const fault = slack.order({ method, kind: 'rate-limit', retryAfterS: 2, times: 2 });
  slack.dropSockets();
  await slack.waitFor(() => fault.struck === 2);
  await slack.waitFor(() => slack.socketCount === 2, 20_000);
  const asked = slack.calls.filter((call) => call.method === method);
  const refused = asked.filter(({ status }) => status === 429).map(({ at }) => at);
  const later = asked.filter(({ at }) => at > Math.min(...refused) && !refused.includes(at));
  for (const { at } of later) expect(at - Math.min(...refused)).toBeGreaterThanOrEqual(2_000);
  expect(later.length).toBeGreaterThanOrEqual(2);
  expect(rig.fatal).toEqual([]);
  expect(await slack.command({ user: ANN, channel: OPS, command: '/batch', text: 'help' })).toMatchObject({
    ok: true,
  });
});

test('a command in backticks reaches us with them', async () => {
  await using rig = await openDoorRig();
  const text = '-h web01 -cmd `ls *.log`';
  await rig.slack.command({ user: ANN, channel: OPS, command: '/batch_run', text });
  await rig.slack.waitFor(() => rig.desk.calls[0]);
  expect(rig.desk.calls[0]?.text).toBe(text);
});

const bytes = Buffer.from('web01 says much\n');

async function* inChunks() {
  yield bytes.subarray(0, 3);
  yield bytes.subarray(3);
}

/** As small files are sent, and as large ones. */
const FORMS: readonly (readonly [string, FileUpload['content']])[] = [
  ['held in memory', bytes],
  ['made as it is sent', inChunks],
];

test.concurrent.each(FORMS)(
  'a file %s that Slack has and does not show yet is waited for by the next process, too',
  async (_form, content) => {
    await using rig = await openPosterRig({ pace: { isLimited: false, fileShareMs: 3_000 } });
    const { slack, outbox } = rig;
    const root = await rig.workspace.posts.chat.postMessage({ channel: OPS, text: 'r-1' });
    const threadTs = root.ts ?? '';
    const fault = slack.order({ method: 'files.completeUploadExternal', kind: 'lost-answer', times: 1 });
    rig.contents.set('file:1', { filename: 'a.log', content, comment: '' });
    outbox.put({ key: 'file:1', sends: 'file', channelId: OPS, threadTs });
    const first = rig.start();
    await slack.waitFor(() => fault.struck === 1);
    await first.close();
    // As a start does: no lease outlives the process.
    outbox.release('file:1');
    rig.start();
    await vi.waitFor(() => expect(outbox.state('file:1')).toBe('sent'), { timeout: 20_000 });
    const [file, ...more] = Array.from(slack.workspace.files.values());
    expect(more).toEqual([]);
    expect(outbox.entries.get('file:1')?.row.ts).toBe(file?.id);
    expect(slack.thread(OPS, threadTs)).toHaveLength(1);
  },
);

test.concurrent('a file whose bytes came and which Slack was not asked to show is sent anew', async () => {
  await using rig = await openPosterRig({ pace: { isLimited: false } });
  const { slack, outbox } = rig;
  const root = await rig.workspace.posts.chat.postMessage({ channel: OPS, text: 'r-1' });
  const threadTs = root.ts ?? '';
  slack.order({ method: 'files.completeUploadExternal', kind: 'lost-call', times: 1 });
  rig.contents.set('file:1', { filename: 'a.log', content: bytes, comment: '' });
  outbox.put({ key: 'file:1', sends: 'file', channelId: OPS, threadTs });
  rig.start();
  await slack.waitFor(() => slack.thread(OPS, threadTs).length > 0, 20_000);
  await vi.waitFor(() => expect(outbox.state('file:1')).toBe('sent'));
  expect(slack.workspace.files.size).toBe(1);
});

test.concurrent.each(FORMS)(
  'a file %s is there once, though its answer was lost and Slack shows it late',
  async (_form, content) => {
    await using rig = await openPosterRig({ pace: { isLimited: false, fileShareMs: 4_000 } });
    const { slack, outbox } = rig;
    const root = await rig.workspace.posts.chat.postMessage({ channel: OPS, text: 'r-1' });
    const threadTs = root.ts ?? '';
    slack.order({ method: 'files.completeUploadExternal', kind: 'lost-answer', times: 1 });
    rig.contents.set('file:1', { filename: 'a.log', content, comment: '' });
    outbox.put({ key: 'file:1', sends: 'file', channelId: OPS, threadTs });
    rig.start();
    await vi.waitFor(() => expect(outbox.state('file:1')).toBe('sent'), { timeout: 20_000 });
    await slack.waitFor(() => slack.thread(OPS, threadTs).length > 0);
    const files = Array.from(slack.workspace.files.values());
    expect(files).toHaveLength(1);
    expect(outbox.entries.get('file:1')?.row.ts).toBe(files[0]?.id);
  },
);
