import { WebAPIRateLimitedError } from '@slack/web-api';
import { describe, expect, test } from 'vitest';
import { call, OPS, openClient, openTestSlack, WEB } from '../rig.ts';

const start = 1_800_000_000_000;

async function openWithClock() {
  const clock = { now: start };
  const slack = await openTestSlack({ now: () => clock.now });
  const post = (channel: string) => call(slack, 'chat.postMessage', { channel, text: 'a' });
  return { slack, clock, post };
}

describe('the pace of chat.postMessage', () => {
  test('four at once in a channel, then one a second', async () => {
    const { slack, clock, post } = await openWithClock();
    await using _slack = slack;
    for (let index = 0; index < 4; index += 1) expect(await post(OPS)).toMatchObject({ ok: true });
    expect(await post(OPS)).toMatchObject({
      ok: false,
      error: 'ratelimited',
      status: 429,
      retryAfter: '1',
    });
    // Another channel has its own pace.
    expect(await post(WEB)).toMatchObject({ ok: true });
    clock.now += 999;
    expect(await post(OPS)).toMatchObject({ status: 429 });
    clock.now += 1;
    expect(await post(OPS)).toMatchObject({ ok: true });
    expect(await post(OPS)).toMatchObject({ status: 429 });
    expect(slack.rateLimited.get('chat.postMessage')).toBe(3);
    expect(slack.messages(OPS)).toHaveLength(5);
    // To be told to wait is no violation: the limits of Slack cannot be known in advance.
    expect(slack.violations).toEqual([]);
  });

  test('three hundred a minute over all channels', async () => {
    const { slack, clock } = await openWithClock();
    await using _slack = slack;
    const bot = slack.settings.bot.userId;
    const channels = Array.from({ length: 100 }, (_none, index) => `C${1_000 + index}`);
    for (const id of channels) slack.workspace.addChannel({ id, name: id, members: [bot] });
    const post = (channel: string) => call(slack, 'chat.postMessage', { channel, text: 'a' });
    for (let round = 0; round < 3; round += 1)
      expect((await Promise.all(channels.map(post))).every(({ ok }) => ok === true)).toBe(true);
    expect(await post('C1000')).toMatchObject({ status: 429, retryAfter: '60' });
    clock.now += 60_000;
    expect(await post('C1000')).toMatchObject({ ok: true });
  });
});

describe('the pace of other methods', () => {
  test('chat.update: fifty a minute in the workspace, whatever the message', async () => {
    const { slack, clock, post } = await openWithClock();
    await using _slack = slack;
    const one = await post(OPS);
    const other = await post(WEB);
    const update = (channel: string, ts: unknown) => call(slack, 'chat.update', { channel, ts, text: 'b' });
    for (let index = 0; index < 25; index += 1) {
      expect(await update(OPS, one.ts)).toMatchObject({ ok: true });
      clock.now += 1_000;
      expect(await update(WEB, other.ts)).toMatchObject({ ok: true });
    }
    expect(await update(OPS, one.ts)).toMatchObject({ status: 429, retryAfter: '35' });
    // Only that method waits.
    expect(await post(OPS)).toMatchObject({ ok: true });
    clock.now += 35_000;
    expect(await update(OPS, one.ts)).toMatchObject({ ok: true });
  });

  test('a socket is opened once a minute, after a few at once', async () => {
    const clock = { now: start };
    await using slack = await openTestSlack({ now: () => clock.now, pace: { tierOneBurst: 2 } });
    const open = () => call(slack, 'apps.connections.open', {}, slack.settings.tokens.app);
    for (let index = 0; index < 2; index += 1) expect(await open()).toMatchObject({ ok: true });
    expect(await open()).toMatchObject({ status: 429, retryAfter: '60' });
    clock.now += 60_000;
    expect(await open()).toMatchObject({ ok: true });
    expect(await open()).toMatchObject({ status: 429 });
  });

  test('the real client hears it', async () => {
    const { slack, post } = await openWithClock();
    await using _slack = slack;
    for (let index = 0; index < 4; index += 1) await post(OPS);
    const client = openClient(slack, {
      rejectRateLimitedCalls: true,
    });
    const error = await client.chat
      .postMessage({ channel: OPS, text: 'a' })
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(WebAPIRateLimitedError);
    expect(error).toMatchObject({ retryAfter: 1 });
  });
});
