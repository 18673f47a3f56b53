import { describe, expect, test, vi } from 'vitest';
import type { Message } from '../../src/report/message.ts';
import { formatReply } from '../../src/thread/reply/reply.ts';
import { sampleJob, sampleOutcome, sampleRun, streamOf } from '../report/samples.ts';
import { OPS, openPosterRig, type PosterRig, withScopes } from './rig.ts';

const RUN = 'r-7k3f';
/** Without Slack's own limits of time: it is our pace that makes wait. */
const FAST = { pace: { isLimited: false } } as const;
const LOOKS = { manifest: withScopes('channels:history') } as const;
const hostOf = (n: number): string => `web0${n}`;
const keyOf = (n: number): string => `reply:${RUN}:${hostOf(n)}`;

async function rootIn(rig: PosterRig): Promise<string> {
  const posted = await rig.workspace.posts.chat.postMessage({ channel: OPS, text: 'root' });
  return posted.ts ?? '';
}

function replyOf(n: number): Message {
  return formatReply(sampleRun(), sampleJob(sampleOutcome({ stdout: streamOf(`output ${n}\n`) }), hostOf(n)));
}

function owe(rig: PosterRig, threadTs: string, hosts: readonly number[], attempts = 0): void {
  for (const n of hosts) if (!rig.contents.has(keyOf(n))) rig.contents.set(keyOf(n), replyOf(n));
  for (const n of hosts) rig.outbox.put({ key: keyOf(n), threadTs, joins: RUN, position: n, attempts });
}

/** The hosts of each message in the thread, by its text. */
const hostsIn = (rig: PosterRig, threadTs: string): string[][] =>
  rig.slack.thread(OPS, threadTs).map(({ text }) => Array.from(text.matchAll(/^web0\d/gm), ([host]) => host));

/** Takes the channel's next places, so that whatever comes now has to wait. */
function makeWait(rig: PosterRig): void {
  for (let places = 0; places < 5; places += 1) void rig.workspace.paces.waitForPlace(OPS);
}

const settled = (rig: PosterRig) =>
  vi.waitFor(() => expect(rig.outbox.allSettled()).toBe(true), { timeout: 15_000 });

describe.concurrent('results that would wait for Slack’s pace', () => {
  test('go out together, in the order of the plan; what can go at once goes by itself', async () => {
    await using rig = await openPosterRig();
    const threadTs = await rootIn(rig);
    owe(rig, threadTs, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    rig.start();
    await settled(rig);
    const messages = hostsIn(rig, threadTs);
    expect(messages.slice(0, 3)).toEqual([['web09'], ['web08'], ['web07']]);
    expect(messages.slice(3).flat().toSorted()).toEqual([0, 1, 2, 3, 4, 5, 6].map(hostOf));
    expect(messages.length, 'each had to wait for itself').toBeLessThan(10);
    for (const hosts of messages) expect(hosts).toEqual(hosts.toSorted());
    expect(rig.slack.rateLimited.get('chat.postMessage') ?? 0).toBe(0);
    expect(rig.slack.violations).toEqual([]);
    // Each row knows the message it stands in.
    for (const { ts, text } of rig.slack.thread(OPS, threadTs)) {
      for (const { row } of rig.outbox.entries.values()) {
        expect(row.ts === ts).toBe(text.includes(`${row.key.slice(-5)}:`));
      }
    }
  });

  test('are three messages for three hosts', async () => {
    await using rig = await openPosterRig();
    const threadTs = await rootIn(rig);
    owe(rig, threadTs, [1, 2, 3]);
    rig.start();
    await settled(rig);
    expect(hostsIn(rig, threadTs)).toEqual([['web01'], ['web02'], ['web03']]);
  });

  test('of different runs do not share a message', async () => {
    await using rig = await openPosterRig(FAST);
    const threadTs = await rootIn(rig);
    const other = await rootIn(rig);
    makeWait(rig);
    owe(rig, threadTs, [4, 5]);
    for (const n of [6, 7]) {
      rig.contents.set(`reply:r-0000:${n}`, replyOf(n));
      rig.outbox.put({ key: `reply:r-0000:${n}`, threadTs: other, joins: 'r-0000', position: n });
    }
    rig.start();
    await settled(rig);
    expect(hostsIn(rig, threadTs)).toEqual([['web04', 'web05']]);
    expect(hostsIn(rig, other)).toEqual([['web06', 'web07']]);
  });

  test('whose answer is lost are found by the key of each, and none is there twice', async () => {
    await using rig = await openPosterRig({ ...FAST, ...LOOKS });
    const threadTs = await rootIn(rig);
    rig.slack.order({ method: 'chat.postMessage', kind: 'lost-answer', times: 1 });
    makeWait(rig);
    owe(rig, threadTs, [4, 5, 6, 7]);
    rig.start();
    await settled(rig);
    expect(hostsIn(rig, threadTs)).toEqual([['web04', 'web05', 'web06', 'web07']]);
  });

  test('and that a process left half written down are found by the next; what is new comes besides', async () => {
    await using rig = await openPosterRig({ ...FAST, ...LOOKS });
    const threadTs = await rootIn(rig);
    makeWait(rig);
    owe(rig, threadTs, [4, 5, 6]);
    const first = rig.start();
    await settled(rig);
    await first.close();
    expect(hostsIn(rig, threadTs)).toEqual([['web04', 'web05', 'web06']]);
    // As the store has it where the process died before it wrote down the last two.
    for (const n of [5, 6]) rig.outbox.entries.delete(keyOf(n));
    makeWait(rig);
    owe(rig, threadTs, [5, 6], 1);
    owe(rig, threadTs, [7, 8]);
    rig.start();
    await settled(rig);
    expect(hostsIn(rig, threadTs)).toEqual([
      ['web04', 'web05', 'web06'],
      ['web07', 'web08'],
    ]);
  });

  test('are sent each by itself where Slack refuses them in one', async () => {
    await using rig = await openPosterRig(FAST);
    const threadTs = await rootIn(rig);
    const refusal = { kind: 'error', error: 'msg_blocks_too_long', times: 1 } as const;
    rig.slack.order({ method: 'chat.postMessage', ...refusal });
    makeWait(rig);
    owe(rig, threadTs, [4, 5]);
    rig.start();
    await settled(rig);
    expect(hostsIn(rig, threadTs)).toEqual([['web04'], ['web05']]);
    for (const { blocks } of rig.slack.thread(OPS, threadTs)) expect(blocks).toHaveLength(1);
  });

  test('do not wait for one among them that cannot be made', async () => {
    await using rig = await openPosterRig(FAST);
    const threadTs = await rootIn(rig);
    makeWait(rig);
    rig.contents.set(keyOf(5), () => {
      throw new RangeError('what the host wrote does not matter');
    });
    owe(rig, threadTs, [4, 5, 6]);
    rig.start();
    await rig.slack.waitFor(() => hostsIn(rig, threadTs).length === 1, 10_000);
    expect(hostsIn(rig, threadTs)).toEqual([['web04', 'web06']]);
    await settled(rig);
    expect(rig.slack.thread(OPS, threadTs).at(-1)?.text).toContain('The result of web05 could not be shown');
  });

  test('are given back with the others where the process stops', async () => {
    await using rig = await openPosterRig();
    const threadTs = await rootIn(rig);
    owe(rig, threadTs, [1, 2, 3, 4, 5, 6, 7, 8]);
    const poster = rig.start();
    await rig.slack.waitFor(() => rig.slack.thread(OPS, threadTs).length >= 3);
    await poster.close();
    const sent = [...rig.outbox.entries.values()].filter(({ state }) => state === 'sent');
    expect(hostsIn(rig, threadTs).flat()).toHaveLength(sent.length);
    for (const { leaseUntil } of rig.outbox.entries.values()) {
      expect(leaseUntil).toBeLessThan(Date.now() + 5_000);
    }
  });
});

describe.concurrent('a message that may stand already is looked for, whatever came between', () => {
  test('also where it was given back because its channel has to wait', async () => {
    await using rig = await openPosterRig(LOOKS);
    const threadTs = await rootIn(rig);
    const { posts, paces } = rig.workspace;
    await posts.chat.postMessage({
      channel: OPS,
      thread_ts: threadTs,
      text: 'web01',
      metadata: { event_type: 'batchops', event_payload: { key: keyOf(1) } },
    });
    owe(rig, threadTs, [1], 1);
    // Claimed first, then told to wait for longer than a claim lasts.
    const claim = rig.outbox.claim.bind(rig.outbox);
    rig.outbox.claim = async (query) => {
      const rows = await claim(query);
      if (rows.length > 0) {
        paces.suspend(OPS, 10_500);
        rig.outbox.claim = claim;
      }
      return rows;
    };
    rig.start();
    await vi.waitFor(() => expect(rig.outbox.state(keyOf(1))).toBe('sent'), { timeout: 18_000 });
    expect(rig.slack.thread(OPS, threadTs)).toHaveLength(1);
  }, 25_000);

  test('also where Slack had no time to be asked for it', async () => {
    await using rig = await openPosterRig(LOOKS);
    const threadTs = await rootIn(rig);
    await rig.workspace.posts.chat.postMessage({
      channel: OPS,
      thread_ts: threadTs,
      text: 'web01',
      metadata: { event_type: 'batchops', event_payload: { key: keyOf(1) } },
    });
    rig.slack.order({ method: 'conversations.replies', kind: 'rate-limit', retryAfterS: 1, times: 1 });
    owe(rig, threadTs, [1], 1);
    rig.start();
    await settled(rig);
    expect(rig.slack.thread(OPS, threadTs)).toHaveLength(1);
  });
});
