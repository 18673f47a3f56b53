import { WebAPIHTTPError, WebAPIRequestError } from '@slack/web-api';
import { describe, expect, test } from 'vitest';
import type { Fault } from '../../../../src/sandbox/slack/faults.ts';
import { call, OPS, openClient, openTestSlack, WEB } from '../rig.ts';

async function postUnder(fault: Fault) {
  const slack = await openTestSlack();
  const client = openClient(slack, { retryConfig: { retries: 0 } });
  const handle = slack.order({ method: 'chat.postMessage', ...fault });
  const error = await client.chat.postMessage({ channel: OPS, text: 'a' }).catch((thrown: unknown) => thrown);
  return { slack, error, handle };
}

describe('faults that are ordered', () => {
  test.each([
    ['lost-answer', WebAPIRequestError, 1],
    ['lost-call', WebAPIRequestError, 0],
    ['server-error', WebAPIHTTPError, 0],
    ['server-error-after', WebAPIHTTPError, 1],
  ] as const)('%s', async (kind, Failure, posted) => {
    const { slack, error, handle } = await postUnder({ kind, times: 1 });
    await using _slack = slack;
    expect(error).toBeInstanceOf(Failure);
    expect(slack.messages(OPS)).toHaveLength(posted);
    expect(handle.struck).toBe(1);
    expect(await call(slack, 'chat.postMessage', { channel: OPS, text: 'b' })).toMatchObject({ ok: true });
    expect(slack.violations).toEqual([]);
  });

  test('slow: the message is there, and whoever gives up then has no answer', async () => {
    await using slack = await openTestSlack();
    slack.order({ method: 'chat.postMessage', kind: 'slow', times: 1, delayMs: 60_000 });
    const givingUp = new AbortController();
    const asked = fetch(`${slack.apiUrl}chat.postMessage`, {
      method: 'POST',
      body: new URLSearchParams({ channel: OPS, text: 'a' }),
      headers: { authorization: `Bearer ${slack.settings.tokens.bot}` },
      signal: givingUp.signal,
    });
    await slack.waitFor(() => slack.messages(OPS).length === 1);
    givingUp.abort();
    await expect(asked).rejects.toThrow('aborted');
  });

  test('rate-limit and error: nothing is done', async () => {
    await using slack = await openTestSlack();
    const handle = slack.order({ kind: 'rate-limit', times: Number.POSITIVE_INFINITY, retryAfterS: 30 });
    expect(await call(slack, 'chat.postMessage', { channel: OPS, text: 'a' })).toMatchObject({
      status: 429,
      retryAfter: '30',
    });
    handle.cancel();
    slack.order({ kind: 'error', error: 'fatal_error', times: 1 });
    expect(await call(slack, 'chat.postMessage', { channel: OPS, text: 'a' })).toMatchObject({
      error: 'fatal_error',
    });
    expect(slack.messages(OPS)).toEqual([]);
    expect(slack.calls.map(({ method, status, error }) => [method, status, error])).toEqual([
      ['chat.postMessage', 429, 'ratelimited'],
      ['chat.postMessage', 200, 'fatal_error'],
    ]);
  });

  test.each(['is_archived', 'no_permission', 'ekm_access_denied', 'not_in_channel'])(
    'what Slack has against one channel strikes that channel alone, until it is over: %s',
    async (error) => {
      await using slack = await openTestSlack();
      const fault = slack.order({ kind: 'error', error, channel: OPS, times: Number.POSITIVE_INFINITY });
      const post = (channel: string) => call(slack, 'chat.postMessage', { channel, text: 'a' });
      const share = { files: [{ id: 'F1' }], channel_id: OPS };
      expect(await post(OPS)).toMatchObject({ error });
      expect(await call(slack, 'files.completeUploadExternal', share)).toMatchObject({ error });
      expect(await post(WEB)).toMatchObject({ ok: true });
      expect(await call(slack, 'auth.test', {})).toMatchObject({ ok: true });
      expect(fault.struck).toBe(2);
      fault.cancel();
      expect(await post(OPS)).toMatchObject({ ok: true });
      expect(slack.violations).toEqual([]);
    },
  );
});
