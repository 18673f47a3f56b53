import { once } from 'node:events';
import { createServer } from 'node:http';
import { describe, expect, test, vi } from 'vitest';
import WebSocket from 'ws';
import type { LocalSlack } from '../../../../src/sandbox/slack/local-slack.ts';
import { ANN, call, OPS, openTestSlack, startSocketBot } from '../rig.ts';

interface Frame {
  readonly type: string;
  readonly envelope_id: string;
  readonly payload: Record<string, unknown>;
  readonly [name: string]: unknown;
}

/** A socket without a client's manners: it shows every frame and acks only what it is told to. */
async function openSocket(slack: LocalSlack) {
  const { url } = await call(slack, 'apps.connections.open', {}, slack.settings.tokens.app);
  const socket = new WebSocket(String(url));
  const frames: Frame[] = [];
  socket.on('message', (data) => frames.push(JSON.parse(String(data))));
  await once(socket, 'open');
  await slack.waitFor(() => frames[0]);
  return {
    socket,
    frames,
    url: String(url),
    ack: (frame: Frame | undefined, payload: object = {}) =>
      socket.send(JSON.stringify({ envelope_id: frame?.envelope_id, payload })),
    commands: () => frames.filter(({ type }) => type === 'slash_commands'),
  };
}

const help = { user: ANN, channel: OPS, command: '/batch', text: 'help' };
const impatient = { pace: { ackMs: 150 } };

describe('a slash command that is not acked', () => {
  test('is told to the person as a timeout and goes to the other socket, marked as a retry', async () => {
    await using slack = await openTestSlack(impatient);
    const sockets = [await openSocket(slack), await openSocket(slack)];
    const events: unknown[] = [];
    slack.workspace.onEvent((event) => events.push(event));
    const outcome = await slack.command(help);
    expect(outcome).toMatchObject({ ok: false, error: 'operation_timeout' });
    expect(events).toEqual([{ type: 'command_failed', ...help, error: 'operation_timeout' }]);
    const frames = await vi.waitFor(() => {
      const both = sockets.flatMap(({ commands }) => commands());
      expect(both).toHaveLength(2);
      return both;
    });
    const [first, retry] = frames.toSorted((one) => (one.retry_attempt === 1 ? 1 : -1));
    expect(sockets.map(({ commands }) => commands().length)).toEqual([1, 1]);
    expect(retry).toMatchObject({ retry_attempt: 1, retry_reason: 'timeout' });
    expect(first).not.toHaveProperty('retry_attempt');
    expect(retry?.payload).toEqual(first?.payload);
    expect(retry?.envelope_id).not.toBe(first?.envelope_id);
  });

  test('goes to another socket whatever else is delivered meanwhile', async () => {
    await using slack = await openTestSlack(impatient);
    const sockets = [await openSocket(slack), await openSocket(slack)];
    await Promise.all([slack.command({ ...help, text: 'one' }), slack.command({ ...help, text: 'two' })]);
    const textsOf = (socket: (typeof sockets)[number] | undefined) =>
      socket
        ?.commands()
        .map(({ payload }) => payload.text)
        .toSorted();
    await vi.waitFor(() => {
      expect(textsOf(sockets[0])).toEqual(['one', 'two']);
      expect(textsOf(sockets[1])).toEqual(['one', 'two']);
    });
  });

  test('what is acked too late is no answer', async () => {
    await using slack = await openTestSlack(impatient);
    const socket = await openSocket(slack);
    const outcome = await slack.command(help);
    socket.ack(socket.commands()[0], { text: 'late' });
    await slack.waitFor(() => slack.violations[0]);
    expect(slack.violations).toMatchObject([{ method: 'socket', error: 'late_ack' }]);
    expect(outcome.answers()).toEqual([]);
  });

  test('goes to the other socket at once where the first one died with it', async () => {
    // The test would be over before the time for an ack.
    await using slack = await openTestSlack({ pace: { ackMs: 60_000 } });
    const sockets = [await openSocket(slack), await openSocket(slack)];
    for (const each of sockets) {
      each.socket.on('message', (data) => {
        const frame: Frame = JSON.parse(String(data));
        if (frame.retry_attempt === 1) each.ack(frame);
        else each.socket.terminate();
      });
    }
    const outcome = await slack.command(help);
    expect(outcome).toMatchObject({ ok: true });
  });

  test('is told as dispatch_failed where there is no socket at all, and comes once there is one', async () => {
    await using slack = await openTestSlack();
    expect(await slack.command(help)).toMatchObject({ ok: false, error: 'dispatch_failed' });
    const first = await openSocket(slack);
    await vi.waitFor(() => expect(first.commands()).toHaveLength(1));
    expect(first.commands()[0]).toMatchObject({ retry_attempt: 1, payload: { text: 'help' } });
    const second = await openSocket(slack);
    expect(second.commands()).toEqual([]);
  });

  test('goes to the request URL once more in HTTP mode, too', async () => {
    const retries: unknown[] = [];
    await using slack = await openTestSlack({ mode: 'http' });
    const broken = createServer((request, response) => {
      retries.push(request.headers['x-slack-retry-num']);
      response.writeHead(500).end();
    });
    broken.listen(0, '127.0.0.1');
    await once(broken, 'listening');
    const address = broken.address();
    slack.setRequestUrl(`http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/`);
    expect(await slack.command(help)).toMatchObject({ ok: false, error: 'dispatch_failed' });
    await vi.waitFor(() => expect(retries).toEqual([undefined, '1']));
    broken.close();
  });

  test('can be delivered again by a test', async () => {
    await using slack = await openTestSlack();
    const socket = await openSocket(slack);
    socket.socket.on('message', (data) => socket.ack(JSON.parse(String(data))));
    const outcome = await slack.command(help);
    expect(await outcome.redeliver()).toMatchObject({ ok: true });
    const [one, other] = socket.commands();
    expect(other?.payload).toEqual(one?.payload);
  });
});

describe('a click', () => {
  const button = { type: 'button', action_id: 'go', text: { type: 'plain_text', text: 'Go' } };
  const openClickable = async (slack: LocalSlack) => {
    const blocks = [{ type: 'actions', elements: [button] }];
    const { ts } = await call(slack, 'chat.postMessage', { channel: OPS, text: 'a', blocks });
    return { user: ANN, channel: OPS, ts: String(ts), actionId: 'go' };
  };
  const clicksOf = (sockets: readonly { readonly frames: readonly Frame[] }[]) =>
    sockets.flatMap(({ frames }) => frames.filter(({ type }) => type === 'interactive'));

  test('that is not acked, or finds nobody, is never delivered again', async () => {
    await using slack = await openTestSlack(impatient);
    const click = await openClickable(slack);
    expect(await slack.click(click)).toMatchObject({ error: 'dispatch_failed' });
    const sockets = [await openSocket(slack), await openSocket(slack)];
    expect(await slack.click(click)).toMatchObject({ error: 'operation_timeout' });
    // What comes after it is there: nothing of the clicks is still under way.
    await slack.command(help);
    expect(clicksOf(sockets)).toHaveLength(1);
  });

  test('that a ghost swallows is lost, while a command finds its way', async () => {
    await using slack = await openTestSlack(impatient);
    slack.order({ kind: 'ghost', method: 'interactive', times: 1 });
    slack.order({ kind: 'ghost', method: 'slash_commands', times: 1 });
    const click = await openClickable(slack);
    const sockets = [await openSocket(slack)];
    // Slack counts them among the connections.
    expect(sockets[0]?.frames[0]).toMatchObject({ type: 'hello', num_connections: 3 });
    expect(await slack.click(click)).toMatchObject({ error: 'operation_timeout' });
    expect(clicksOf(sockets)).toEqual([]);
    expect(await slack.command(help)).toMatchObject({ error: 'operation_timeout' });
    await vi.waitFor(() => expect(sockets[0]?.commands()).toMatchObject([{ retry_attempt: 1 }]));
  });
});

describe('what Slack does not send', () => {
  test.each([
    ['an unknown command', { command: '/nope' }, 'invalid_command'],
    ['a command in a thread', { threadTs: '1.000000' }, 'not_in_thread'],
    ['a command from a channel one cannot see', { user: 'U404' }, 'channel_not_found'],
    ['a command of a deactivated person', { user: 'U0GONE001' }, 'channel_not_found'],
    ['a command of another workspace', { user: 'U0ELSE001' }, 'invalid_command'],
  ])('%s', async (_what, change, error) => {
    await using slack = await openTestSlack({
      users: [
        { id: ANN, name: 'ann' },
        { id: 'U0GONE001', name: 'gone', isDeactivated: true },
        { id: 'U0ELSE001', name: 'else', teamId: 'T0ELSE001' },
      ],
    });
    slack.workspace.changeChannel(OPS, { members: new Set([ANN, 'U0GONE001', 'U0ELSE001']) });
    const socket = await openSocket(slack);
    expect(await slack.command({ ...help, ...change })).toMatchObject({ ok: false, error });
    expect(socket.commands()).toEqual([]);
  });
});

describe('sockets', () => {
  test('are greeted, and their URL works once', async () => {
    await using slack = await openTestSlack();
    const { frames, url } = await openSocket(slack);
    expect(frames[0]).toMatchObject({
      type: 'hello',
      num_connections: 1,
      connection_info: { app_id: 'A0APP0001' },
      debug_info: { host: expect.any(String) },
    });
    const again = new WebSocket(url);
    const [error] = await once(again, 'error');
    expect(String(error)).toContain('403');
  });

  test('are ten at most', async () => {
    await using slack = await openTestSlack({ pace: { tierOneBurst: 11 } });
    for (let index = 0; index < 10; index += 1) await openSocket(slack);
    const { frames, socket } = await openSocket(slack);
    expect(frames[0]).toMatchObject({ type: 'disconnect', reason: 'too_many_websockets' });
    await once(socket, 'close');
    expect(slack.socketCount).toBe(10);
  });

  test('of another site are refused', async () => {
    await using slack = await openTestSlack();
    const { url } = await call(slack, 'apps.connections.open', {}, slack.settings.tokens.app);
    const socket = new WebSocket(String(url), { origin: 'http://evil.example' });
    expect(String(await once(socket, 'error'))).toContain('403');
  });

  test('an ack nobody waits for, and one with a message where none is taken, are faults', async () => {
    await using slack = await openTestSlack();
    const socket = await openSocket(slack);
    socket.socket.send(JSON.stringify({ envelope_id: 'none' }));
    socket.socket.send('hello');
    await slack.waitFor(() => slack.violations.length === 2);
    expect(slack.violations.map(({ error }) => error)).toEqual(['unknown_envelope', 'invalid_ack']);
  });

  test('are asked to reconnect, one at a time, and no command is lost meanwhile', async () => {
    await using slack = await openTestSlack({ pace: { refreshMs: 50 } });
    const heard = new Set<string>();
    await using bot = await startSocketBot(slack, (app) => {
      app.command('/batch', async ({ ack, command }) => {
        heard.add(command.trigger_id);
        await ack();
      });
    });
    slack.refreshSockets('oldest');
    for (let index = 0; index < 5; index += 1) expect(await slack.command(help)).toMatchObject({ ok: true });
    await vi.waitFor(() => expect(bot.greetings).toBeGreaterThanOrEqual(3), { timeout: 5_000 });
    expect(slack.socketCount).toBe(2);
    expect(heard.size).toBe(5);
    expect(slack.violations).toEqual([]);
  });

  test('that are asked to make room are sent what is due until they close', async () => {
    await using slack = await openTestSlack();
    const [old, young] = [await openSocket(slack), await openSocket(slack)];
    for (const each of [old, young]) {
      each.socket.on('message', (data) => {
        const frame: Frame = JSON.parse(String(data));
        if (frame.type === 'slash_commands') each.ack(frame);
      });
    }
    slack.refreshSockets('oldest');
    for (let index = 0; index < 4; index += 1) expect(await slack.command(help)).toMatchObject({ ok: true });
    expect([old.commands().length, young.commands().length]).toEqual([2, 2]);
  });

  test('the warning comes before the request, and a deaf socket is closed', async () => {
    await using slack = await openTestSlack({ pace: { refreshMs: 20 } });
    const { frames, socket } = await openSocket(slack);
    slack.refreshSockets();
    await once(socket, 'close');
    expect(frames.slice(1).map(({ reason }) => reason)).toEqual(['warning', 'refresh_requested']);
  });

  test('are told when Socket Mode is switched off', async () => {
    await using slack = await openTestSlack();
    const { frames, socket } = await openSocket(slack);
    slack.disableSockets();
    await once(socket, 'close');
    expect(frames.at(-1)).toMatchObject({ type: 'disconnect', reason: 'link_disabled' });
  });

  test('come back by themselves after they were cut', async () => {
    await using slack = await openTestSlack();
    await using bot = await startSocketBot(slack, (app) => {
      app.command('/batch', async ({ ack }) => ack());
    });
    slack.dropSockets();
    await vi.waitFor(() => expect(bot.greetings).toBeGreaterThanOrEqual(4), { timeout: 5_000 });
    expect(await slack.command(help)).toMatchObject({ ok: true });
  });
});
