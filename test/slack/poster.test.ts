import { describe, expect, test, vi } from 'vitest';
import { formatNotice } from '../../src/report/answers.ts';
import type { FileUpload, Message } from '../../src/report/message.ts';
import { formatReply } from '../../src/thread/reply/reply.ts';
import { formatRoot } from '../../src/thread/root.ts';
import { sampleJob, sampleOutcome, sampleRun, streamOf } from '../report/samples.ts';
import { AUDIT, OLD, OPS, openPosterRig, type PosterRig, WEB, withScopes } from './rig.ts';

async function rootIn(rig: PosterRig, channel = OPS): Promise<string> {
  const posted = await rig.workspace.posts.chat.postMessage({ channel, text: 'root' });
  return posted.ts ?? '';
}

const textsIn = (rig: PosterRig, channel: string, rootTs: string) =>
  rig.slack.thread(channel, rootTs).map((message) => message.text);

const METADATA_ERRORS = [
  'invalid_metadata_format',
  'invalid_metadata_schema',
  'metadata_must_be_sent_from_app',
  'metadata_too_large',
];

/** Without the limits of time: what is tested is not the pace. */
const FAST = { pace: { isLimited: false } } as const;

test('replies and edits come through also where Slack refuses the key that goes along', async () => {
  await using rig = await openPosterRig(FAST);
  const threadTs = await rootIn(rig);
  const reply = formatReply(sampleRun(), sampleJob(sampleOutcome({ stdout: streamOf('fine') })));
  rig.start();
  for (const error of METADATA_ERRORS) {
    const refusal = { kind: 'error', error, times: 1 } as const;
    const post = rig.slack.order({ ...refusal, method: 'chat.postMessage' });
    const edit = rig.slack.order({ ...refusal, method: 'chat.update' });
    rig.contents.set(`reply:${error}`, reply);
    rig.contents.set('root:1', formatNotice(error));
    rig.outbox.put({ key: `reply:${error}`, threadTs });
    rig.outbox.put({ key: 'root:1', ts: threadTs });
    await vi.waitFor(() => expect(rig.outbox.allSettled()).toBe(true), 10_000);
    expect([post.struck, edit.struck]).toEqual([1, 1]);
    expect([rig.outbox.state(`reply:${error}`), rig.outbox.state('root:1')]).toEqual(['sent', 'sent']);
    // In its own form, not as bare text.
    const shown = rig.slack.thread(OPS, threadTs).at(-1);
    expect(shown).toMatchObject({ metadata: null });
    expect(shown?.blocks).toHaveLength(reply.blocks.length);
    expect(rig.slack.messages(OPS)).toMatchObject([{ ts: threadTs, text: error }]);
  }
  expect(rig.slack.thread(OPS, threadTs)).toHaveLength(METADATA_ERRORS.length);
});

describe.concurrent('replies', () => {
  test('arrive in the thread, in order, once, with their key and nothing alive', async () => {
    await using rig = await openPosterRig();
    const threadTs = await rootIn(rig);
    const hostile = '<!channel> <@U0ANN0001> @here http://evil.example `x` ```';
    const run = sampleRun();
    rig.contents.set(
      'reply:1',
      formatReply(run, sampleJob(sampleOutcome({ stdout: streamOf(hostile), reason: hostile }), hostile)),
    );
    rig.outbox.put({ key: 'reply:1', threadTs });
    rig.outbox.put({ key: 'reply:2', threadTs });
    rig.start();
    await rig.slack.waitFor(() => rig.slack.thread(OPS, threadTs).length === 2);
    await vi.waitFor(() => expect(rig.outbox.allSettled()).toBe(true));
    const [first, second] = rig.slack.thread(OPS, threadTs);
    expect(first?.pings).toEqual([]);
    expect(first?.links).toEqual([]);
    expect(first?.metadata).toEqual({
      event_type: 'batchops',
      event_payload: { key: 'reply:1', process: rig.workspace.posts.processId },
    });
    expect(second?.text).toBe('reply:2');
    expect(rig.slack.violations).toEqual([]);
  });

  test('keep the pace of a strict Slack: ten hosts, not one 429', async () => {
    await using rig = await openPosterRig();
    const threadTs = await rootIn(rig);
    for (let n = 0; n < 10; n += 1) rig.outbox.put({ key: `reply:${n}`, threadTs });
    rig.start();
    await rig.slack.waitFor(() => rig.slack.thread(OPS, threadTs).length === 10);
    expect(textsIn(rig, OPS, threadTs)).toEqual(Array.from({ length: 10 }, (_, n) => `reply:${n}`));
    expect(rig.slack.rateLimited.get('chat.postMessage') ?? 0).toBe(0);
  });

  test('of one channel do not hold up those of another', async () => {
    await using rig = await openPosterRig();
    const ops = await rootIn(rig);
    const web = await rootIn(rig, WEB);
    for (let n = 0; n < 30; n += 1) rig.outbox.put({ key: `reply:${n}`, threadTs: ops });
    rig.outbox.put({ key: 'other', channelId: WEB, threadTs: web });
    rig.start();
    await rig.slack.waitFor(() => rig.slack.thread(WEB, web).length === 1);
    expect(rig.slack.thread(OPS, ops).length).toBeLessThan(30);
  });

  test('wait as long as a 429 says, and only in that channel', async () => {
    await using rig = await openPosterRig(FAST);
    const ops = await rootIn(rig);
    const web = await rootIn(rig, WEB);
    const limit = { method: 'chat.postMessage', kind: 'rate-limit', times: 1 } as const;
    rig.slack.order({ ...limit, retryAfterS: 2 });
    rig.outbox.put({ key: 'reply:1', threadTs: ops });
    rig.start();
    await rig.slack.waitFor(() => rig.slack.thread(OPS, ops).length === 1);
    const [struckAt = 0, sentAt = 0] = rig.slack.calls
      .filter(({ method }) => method === 'chat.postMessage')
      .slice(-2)
      .map(({ at }) => at);
    expect(sentAt - struckAt).toBeGreaterThanOrEqual(1_990);
    const fault = rig.slack.order({ ...limit, retryAfterS: 600 });
    rig.outbox.put({ key: 'reply:2', threadTs: ops });
    await rig.slack.waitFor(() => fault.struck === 1);
    rig.outbox.put({ key: 'other', channelId: WEB, threadTs: web });
    await rig.slack.waitFor(() => rig.slack.thread(WEB, web).length === 1);
    expect(rig.slack.thread(OPS, ops)).toHaveLength(1);
  });

  test('slow down for a Slack that allows no burst at all', async () => {
    await using rig = await openPosterRig({ pace: { postBurst: 1 } });
    const threadTs = await rootIn(rig);
    for (let n = 0; n < 6; n += 1) rig.outbox.put({ key: `reply:${n}`, threadTs });
    rig.start();
    await vi.waitFor(() => expect(rig.outbox.allSettled()).toBe(true), { timeout: 15_000 });
    expect(textsIn(rig, OPS, threadTs).toSorted()).toEqual(Array.from({ length: 6 }, (_, n) => `reply:${n}`));
    // Who never slows down meets one for each but the first.
    expect(rig.slack.rateLimited.get('chat.postMessage') ?? 0).toBeLessThan(5);
  });

  test('survive a storm of faults: each arrives, none twice where we may look', async () => {
    await using rig = await openPosterRig({ ...FAST, manifest: withScopes('channels:history') });
    const threadTs = await rootIn(rig);
    for (const kind of ['lost-answer', 'server-error-after', 'lost-call', 'server-error'] as const) {
      rig.slack.order({ method: 'chat.postMessage', kind, times: 2 });
    }
    for (let n = 0; n < 6; n += 1) rig.outbox.put({ key: `reply:${n}`, threadTs });
    rig.start();
    await vi.waitFor(() => expect(rig.outbox.allSettled()).toBe(true), { timeout: 20_000 });
    expect(textsIn(rig, OPS, threadTs).toSorted()).toEqual(Array.from({ length: 6 }, (_, n) => `reply:${n}`));
  });

  test('arrive also where we may not look, and we do not ask again and again', async () => {
    await using rig = await openPosterRig({ ...FAST, manifest: withScopes() });
    const threadTs = await rootIn(rig);
    rig.slack.order({ method: 'chat.postMessage', kind: 'lost-call', times: 2 });
    rig.outbox.put({ key: 'reply:1', threadTs });
    rig.start();
    await vi.waitFor(() => expect(rig.outbox.state('reply:1')).toBe('sent'), { timeout: 10_000 });
    expect(textsIn(rig, OPS, threadTs)).toEqual(['reply:1']);
    expect(rig.slack.calls.filter((call) => call.method === 'conversations.replies')).toHaveLength(1);
  });

  test('that cannot be posted where they belong wait for that, which is said once', async () => {
    await using rig = await openPosterRig(FAST);
    rig.outbox.put({ key: 'reply:1', channelId: OLD, threadTs: '1700000000.000100' });
    rig.outbox.put({ key: 'reply:2', channelId: 'C0GONE001', threadTs: '1700000000.000100' });
    rig.start();
    await vi.waitFor(() => expect([...rig.places.closed.keys()].toSorted()).toEqual(['C0GONE001', OLD]));
    expect(rig.outbox.state('reply:1')).toBe('waiting');
    expect(rig.log.lines.filter((line) => line.level === 'error')).toHaveLength(2);
  });

  test('whose form Slack refuses are said in bare text', async () => {
    await using rig = await openPosterRig(FAST);
    const threadTs = await rootIn(rig);
    const job = sampleJob(sampleOutcome({ stdout: streamOf('the output') }));
    rig.contents.set('reply:1', formatReply(sampleRun(), job));
    rig.slack.order({ method: 'chat.postMessage', kind: 'error', error: 'msg_blocks_too_long', times: 1 });
    rig.outbox.put({ key: 'reply:1', threadTs });
    rig.start();
    await rig.slack.waitFor(() => rig.slack.thread(OPS, threadTs)[0]);
    expect(rig.slack.thread(OPS, threadTs)[0]?.text).toContain('the output');
    expect(rig.slack.thread(OPS, threadTs)[0]?.blocks).toEqual([]);
  });

  test('wait while Slack refuses the token, and are not lost', async () => {
    await using rig = await openPosterRig(FAST);
    const threadTs = await rootIn(rig);
    rig.slack.order({ method: 'chat.postMessage', kind: 'error', error: 'token_revoked', times: 1 });
    rig.outbox.put({ key: 'reply:1', threadTs });
    rig.start();
    await vi.waitFor(() => expect(rig.outbox.entries.get('reply:1')?.error).toBe('token_revoked'));
    expect(rig.outbox.state('reply:1')).toBe('waiting');
    expect(rig.log.lines.some((line) => line.message.includes('posting pauses'))).toBe(true);
  });

  test('hold no secret, whatever was rendered', async () => {
    await using rig = await openPosterRig(FAST);
    const threadTs = await rootIn(rig);
    rig.contents.set('reply:1', formatNotice('the password is hunter2'));
    rig.outbox.put({ key: 'reply:1', threadTs });
    rig.start();
    const reply = await rig.slack.waitFor(() => rig.slack.thread(OPS, threadTs)[0]);
    expect(JSON.stringify(reply)).not.toContain('hunter2');
  });

  test('with nothing to show are done without a word', async () => {
    await using rig = await openPosterRig();
    rig.contents.set('file:1', undefined);
    rig.outbox.put({ key: 'file:1', sends: 'file', threadTs: '1700000000.000100' });
    rig.start();
    await vi.waitFor(() => expect(rig.outbox.state('file:1')).toBe('sent'));
    expect(rig.slack.messages(OPS)).toEqual([]);
  });

  test('a stop sends what is on its way and gives the rest back at once', async () => {
    await using rig = await openPosterRig();
    const threadTs = await rootIn(rig);
    for (let n = 0; n < 40; n += 1) rig.outbox.put({ key: `reply:${n}`, threadTs });
    const poster = rig.start();
    await rig.slack.waitFor(() => rig.slack.thread(OPS, threadTs).length >= 2);
    await poster.close();
    const there = rig.slack.thread(OPS, threadTs).length;
    // At their pace, all of them would take half a minute.
    expect(there).toBeLessThan(40);
    const sent = [...rig.outbox.entries.values()].filter((entry) => entry.state === 'sent').length;
    expect(sent).toBe(there);
    for (const entry of rig.outbox.entries.values())
      expect(entry.leaseUntil).toBeLessThan(Date.now() + 5_000);
  });
});

describe.concurrent('files and audit lines', () => {
  test('a file goes into the thread as it is', async () => {
    await using rig = await openPosterRig(FAST);
    const threadTs = await rootIn(rig);
    const file: FileUpload = { filename: 'web01.txt', content: Buffer.from('all of it'), comment: 'web01' };
    rig.contents.set('file:1', file);
    rig.outbox.put({ key: 'file:1', sends: 'file', threadTs });
    rig.start();
    const message = await rig.slack.waitFor(() => rig.slack.thread(OPS, threadTs)[0]);
    const stored = rig.slack.workspace.files.get(message.files[0] ?? '');
    expect(stored?.name).toBe('web01.txt');
    expect(Buffer.from(stored?.bytes ?? []).toString()).toBe('all of it');
    await vi.waitFor(() => expect(rig.outbox.state('file:1')).toBe('sent'));
    expect(rig.slack.violations).toEqual([]);
  });

  test('a file that cannot be uploaded where the bot is no member is tried again slowly, and the thread says so once', async () => {
    await using rig = await openPosterRig(FAST);
    const threadTs = await rootIn(rig, WEB);
    rig.contents.set('file:1', { filename: 'a.txt', content: Buffer.from('x'), comment: '' });
    rig.outbox.put({ key: 'file:1', sends: 'file', channelId: WEB, threadTs });
    rig.start();
    await vi.waitFor(() => expect(rig.outbox.entries.get('file:1')?.error).toBe('not_in_channel'));
    expect(rig.outbox.state('file:1')).toBe('waiting');
    expect([...rig.places.closed.keys()], 'messages still go there').toEqual([]);
    expect(rig.slack.thread(WEB, threadTs)[0]?.text).toMatch(/a\.txt.*could not be put here.*\/invite @/);
  });

  test('a file that was not taken for a day is given up with its channel, and a file that is taken there says so', async () => {
    await using rig = await openPosterRig(FAST);
    const threadTs = await rootIn(rig, WEB);
    const file = { filename: 'a.txt', content: Buffer.from('x'), comment: '' };
    rig.contents.set('file:1', file);
    rig.contents.set('file:2', file);
    rig.outbox.put({ key: 'file:1', sends: 'file', channelId: WEB, threadTs, tries: 288, attempts: 288 });
    rig.start();
    await vi.waitFor(() => expect(rig.outbox.state('file:1')).toBe('given up'));
    expect(rig.outbox.entries.get('file:1')?.cause).toBe('place');
    expect(rig.places.withFiles).toEqual([]);
    const here = await rootIn(rig, OPS);
    rig.outbox.put({ key: 'file:2', sends: 'file', channelId: OPS, threadTs: here });
    await vi.waitFor(() => expect(rig.places.withFiles).toEqual([OPS]));
  });

  test('an audit line goes into the audit channel', async () => {
    await using rig = await openPosterRig(FAST);
    rig.outbox.put({ key: 'audit:1', channelId: AUDIT });
    rig.start();
    const line = await rig.slack.waitFor(() => rig.slack.messages(AUDIT)[0]);
    expect(line.text).toBe('audit:1');
  });
});

describe.concurrent('the root message', () => {
  const live = (ok: number, everyMs?: number): Message => {
    const progress = { queued: 100 - ok, running: 0, settled: { ok } };
    return { ...formatRoot(sampleRun({ progress }), { now: 0 }), ...(everyMs && { live: { everyMs } }) };
  };
  const final = formatRoot(
    sampleRun({
      state: 'finished',
      finishedAt: 2_000_000,
      progress: { queued: 0, running: 0, settled: { ok: 100 } },
    }),
    { now: 0 },
  );

  test('is edited at most every two seconds while it counts, and at once when it is final', async () => {
    await using rig = await openPosterRig();
    const posted = await rig.workspace.posts.chat.postMessage({
      channel: OPS,
      text: live(0).text,
      blocks: [...live(0).blocks],
    });
    const ts = posted.ts ?? '';
    const change = (content: Message) => {
      rig.contents.set('root:1', content);
      rig.outbox.put({ key: 'root:1', ts });
    };
    const edits = () => rig.slack.messages(OPS)[0]?.edits ?? 0;
    expect(live(1).live).toEqual({ everyMs: 2_000 });
    change(live(1));
    rig.start();
    await rig.slack.waitFor(() => edits() === 1);
    for (let ok = 2; ok < 60; ok += 1) change(live(ok));
    await rig.slack.waitFor(() => edits() === 2);
    const [first = 0, second = 0] = rig.slack.calls
      .filter(({ method }) => method === 'chat.update')
      .map(({ at }) => at);
    expect(second - first).toBeGreaterThanOrEqual(1_990);
    expect(rig.slack.messages(OPS)[0]?.text).toContain('59 of 100 done');
    // Looked at again and again, and left alone: it would be so for an hour.
    const looks = rig.rendered.length;
    change(live(60, 3_600_000));
    await vi.waitFor(() => expect(rig.rendered.length).toBeGreaterThan(looks + 3));
    expect(edits()).toBe(2);
    change(final);
    await rig.slack.waitFor(() => edits() === 3);
    expect(rig.slack.messages(OPS)[0]?.text).toContain('100 ok of 100');
    await vi.waitFor(() => expect(rig.outbox.state('root:1')).toBe('sent'));
    expect(rig.slack.violations).toEqual([]);
  });

  test('is not edited where nothing that people see has changed', async () => {
    await using rig = await openPosterRig();
    const ts = await rootIn(rig);
    rig.contents.set('root:1', live(5));
    rig.outbox.put({ key: 'root:1', ts });
    rig.start();
    await vi.waitFor(() => expect(rig.outbox.state('root:1')).toBe('sent'));
    rig.outbox.put({ key: 'root:1' });
    await vi.waitFor(() => expect(rig.outbox.state('root:1')).toBe('sent'));
    expect(rig.slack.messages(OPS)[0]?.edits).toBe(1);
  });

  test('gets its summary while a backlog of replies is being posted', async () => {
    await using rig = await openPosterRig();
    const threadTs = await rootIn(rig);
    for (let n = 0; n < 40; n += 1) rig.outbox.put({ key: `reply:${n}`, threadTs });
    rig.start();
    await rig.slack.waitFor(() => rig.slack.thread(OPS, threadTs).length >= 2);
    rig.contents.set('root:1', final);
    rig.outbox.put({ key: 'root:1', ts: threadTs });
    await rig.slack.waitFor(() => rig.slack.messages(OPS)[0]?.text.includes('100 ok of 100'));
    expect(rig.slack.thread(OPS, threadTs).length).toBeLessThan(40);
  });

  test.each(['removes-blocks', 'keeps-blocks', 'changes-nothing'] as const)(
    'whose form Slack refuses shows what was to be read, whatever text alone does there: %s',
    async (textOnlyUpdate) => {
      await using rig = await openPosterRig({ ...FAST, textOnlyUpdate });
      const { blocks, text } = live(3);
      const posted = await rig.workspace.posts.chat.postMessage({ channel: OPS, text, blocks: [...blocks] });
      rig.slack.order({ method: 'chat.update', kind: 'error', error: 'invalid_blocks', times: 1 });
      rig.contents.set('root:1', final);
      rig.outbox.put({ key: 'root:1', ts: posted.ts ?? '' });
      rig.start();
      await vi.waitFor(() => expect(rig.outbox.state('root:1')).toBe('sent'), { timeout: 10_000 });
      const [root] = rig.slack.messages(OPS);
      expect(root?.text).toContain('100 ok of 100');
      // What people see are the blocks.
      expect(JSON.stringify(root?.blocks)).toContain('100 ok of 100');
      expect(JSON.stringify(root?.blocks)).not.toContain('3 of 100 done');
      expect(rig.slack.violations).toEqual([]);
    },
  );

  test('of many runs at once keep the budget of the workspace', async () => {
    await using rig = await openPosterRig();
    const channels = [WEB, OPS, AUDIT];
    const roots = await Promise.all(channels.map((channel) => rootIn(rig, channel)));
    const edits = () => rig.slack.calls.filter((call) => call.method === 'chat.update').length;
    const startedAt = Date.now();
    rig.start();
    for (let count = 1; edits() < 9; count += 1) {
      const before = edits();
      for (const [index, ts] of roots.entries()) {
        rig.contents.set(`root:${index}`, live(count));
        rig.outbox.put({ key: `root:${index}`, ts, channelId: channels[index] ?? OPS });
      }
      await rig.slack.waitFor(() => edits() > before);
    }
    // A burst of five, then 44 a minute.
    expect(Date.now() - startedAt).toBeGreaterThan(4_500);
    expect(rig.slack.rateLimited.get('chat.update') ?? 0).toBe(0);
  });
});

test('the rows of a run that nobody may post any more do not keep others waiting', async () => {
  await using rig = await openPosterRig(FAST);
  const threadTs = await rootIn(rig);
  for (let n = 0; n < 20; n += 1)
    rig.outbox.put({ key: `gone:${n}`, channelId: OLD, threadTs: '1700000000.000100' });
  rig.outbox.put({ key: 'reply:1', threadTs });
  rig.start();
  await rig.slack.waitFor(() => rig.slack.thread(OPS, threadTs).length === 1);
  expect(rig.slack.calls.filter(({ channel }) => channel === OLD).length).toBeLessThan(20);
});
