import { createServer } from 'node:http';
import { describe, expect, test } from 'vitest';
import { signRequest } from '../../../../src/sandbox/slack/delivery/request-url.ts';
import { ANN, call, OPS, openTestSlack, SECRET, startHttpBot } from '../rig.ts';

const help = { user: ANN, channel: OPS, command: '/batch', text: 'run  & > "x"' };

describe('a Bolt app over signed HTTP requests', () => {
  test('takes commands and clicks, as over Socket Mode', async () => {
    await using slack = await openTestSlack({ mode: 'http' });
    const seen: unknown[] = [];
    await using _bot = await startHttpBot(slack, (app) => {
      app.command('/batch', async ({ ack, command, respond }) => {
        seen.push(command);
        await ack({ text: 'in the ack' });
        await respond('later');
      });
      app.action('cancel', async ({ ack, body }) => {
        seen.push(body);
        await ack();
      });
    });
    const outcome = await slack.command({ ...help, channel: SECRET });
    await slack.waitFor(() => outcome.answers()[1]);
    expect(outcome.answers().map(({ text, onlyFor }) => [text, onlyFor])).toEqual([
      ['in the ack', ANN],
      ['later', ANN],
    ]);
    expect(seen[0]).toMatchObject({ text: help.text, channel_name: 'privategroup', user_id: ANN });
    const element = { type: 'button', action_id: 'cancel', text: { type: 'plain_text', text: 'Cancel' } };
    const blocks = [{ type: 'actions', elements: [element] }];
    const { ts } = await call(slack, 'chat.postMessage', { channel: OPS, text: 'a', blocks });
    expect(await slack.click({ user: ANN, channel: OPS, ts: String(ts), actionId: 'cancel' })).toMatchObject({
      ok: true,
    });
    expect(seen[1]).toMatchObject({ type: 'block_actions', container: { message_ts: ts } });
    expect(slack.violations).toEqual([]);
  });

  test('refuses what is not signed with its secret', async () => {
    await using slack = await openTestSlack({ mode: 'http' });
    await using bot = await startHttpBot(slack, (app) => {
      app.command('/batch', async ({ ack }) => ack());
    });
    const body = new URLSearchParams({ command: '/batch', text: '' }).toString();
    const post = async (secret: string, ageS: number) => {
      const response = await fetch(bot.url, {
        method: 'POST',
        body,
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          ...signRequest(secret, body, Math.floor(Date.now() / 1_000) - ageS),
        },
      });
      return response.status;
    };
    expect(await post(slack.settings.signingSecret, 0)).toBe(200);
    expect(await post('wrong', 0)).toBe(401);
    expect(await post(slack.settings.signingSecret, 301)).toBe(401);
  });
});

describe('the request URL', () => {
  test('that does not answer in time is asked once more, marked as a retry', async () => {
    await using slack = await openTestSlack({ mode: 'http', pace: { ackMs: 100 } });
    const retries: (string | undefined)[] = [];
    const deaf = createServer((request) => {
      retries.push(request.headers['x-slack-retry-num']?.toString());
    });
    await new Promise<void>((resolve) => deaf.listen(0, '127.0.0.1', resolve));
    const address = deaf.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    slack.setRequestUrl(`http://127.0.0.1:${address.port}/`);
    expect(await slack.command(help)).toMatchObject({ error: 'operation_timeout' });
    await expect.poll(() => retries).toEqual([undefined, '1']);
    deaf.closeAllConnections();
    deaf.close();
  });

  test('that is not there or refuses is told as dispatch_failed', async () => {
    await using slack = await openTestSlack({ mode: 'http' });
    expect(await slack.command(help)).toMatchObject({ error: 'dispatch_failed' });
    slack.setRequestUrl('http://127.0.0.1:9/');
    expect(await slack.command(help)).toMatchObject({ error: 'dispatch_failed' });
    slack.setRequestUrl(`${slack.url}/nothing-here`);
    expect(await slack.command(help)).toMatchObject({ error: 'dispatch_failed' });
  });
});
