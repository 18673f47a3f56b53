import { describe, expect, test, vi } from 'vitest';
import { formatNotice } from '../../src/report/answers.ts';
import type { Unanswered } from '../../src/run/received.ts';
import { openSlack } from '../../src/slack/connection.ts';
import { shown } from '../rigs/bot.ts';
import { MemoryReceived } from './memory-received.ts';
import { ANN, OPS, openDoorRig, SECRET, settingsFor } from './rig.ts';

const run = { user: ANN, channel: OPS, command: '/batch_run', text: '-h web01 -cmd id' };

let count = 0;
function leftOver(more: Partial<Unanswered> = {}): Unanswered {
  return {
    id: `left-${++count}`,
    requester: { teamId: 'T0LOCAL01', userId: ANN },
    channelId: OPS,
    what: '/batch_run',
    requestKey: `key-${count}`,
    receivedAt: 1_764_000_000_000,
    runId: undefined,
    ...more,
  };
}

function leaving(...rows: readonly Unanswered[]): MemoryReceived {
  const received = new MemoryReceived();
  received.rows.push(...rows);
  return received;
}

const open = (received: MemoryReceived, mode: 'socket' | 'http' = 'socket') =>
  openDoorRig(mode, {}, (text) => text, received);

describe.concurrent('a request', () => {
  test.each(['socket', 'http'] as const)(
    'is put down before it is acked, until it is answered: %s',
    async (mode) => {
      await using rig = await open(new MemoryReceived(), mode);
      const { received } = rig;
      const { promise: stored, resolve: store } = Promise.withResolvers<void>();
      received.noting = stored;
      let isAcked = false;
      const acked = rig.slack.command(run).then((outcome) => {
        isAcked = true;
        return outcome;
      });
      const { promise: mayAnswer, resolve: answer } = Promise.withResolvers<void>();
      rig.desk.answer = async () => {
        await mayAnswer;
        return formatNotice('Done.');
      };
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect(isAcked).toBe(false);
      store();
      expect(await acked).toMatchObject({ ok: true });
      expect(received.rows).toMatchObject([
        { what: '/batch_run', channelId: OPS, requester: { userId: ANN } },
      ]);
      answer();
      await vi.waitFor(() => expect(received.rows).toEqual([]));
    },
  );

  test('is acked and served also where the store does not take it, after a second at most', async () => {
    await using rig = await open(new MemoryReceived());
    rig.received.noting = new Promise(() => {});
    const slow = await rig.slack.command(run);
    expect(slow).toMatchObject({ ok: true });
    rig.received.noting = Promise.reject(new Error('disk full'));
    rig.received.noting.catch(() => {});
    expect(await rig.slack.command(run)).toMatchObject({ ok: true });
    await vi.waitFor(() => expect(rig.desk.calls).toHaveLength(2));
    expect(rig.log.lines.map(({ message }) => message).join()).toContain(
      'after a crash nobody would be told',
    );
  });
});

describe.concurrent('what the last process did not answer', () => {
  test('is told where it was asked, to its person alone, each of several; then it is forgotten', async () => {
    const left = leaving(
      leftOver(),
      leftOver({ what: 'button', runId: 'r-7k3f' }),
      leftOver({ what: '/batch' }),
    );
    await using rig = await open(left);
    const told = await rig.slack.waitFor(() => rig.slack.ephemerals(ANN)[0]);
    expect(told.channel).toBe(OPS);
    expect(shown(told)).toMatch(/`\/batch_run` at <!date\^1764000000\^[^>]+>: no run was made of it/);
    expect(shown(told)).toMatch(/r-7k3f was put down for it and has no thread .*; nothing of it ran/);
    expect(shown(told)).toMatch(/`\/batch` at .*such as a cancel, is not known/);
    await vi.waitFor(() => expect(left.rows).toEqual([]));
    expect(rig.slack.ephemerals(ANN)).toHaveLength(1);
    expect(rig.slack.messages(OPS)).toEqual([]);
    expect(rig.slack.violations).toEqual([]);
  });

  test('is told directly where the bot may not speak, or where there was no channel', async () => {
    const left = leaving(leftOver({ channelId: SECRET }), leftOver({ channelId: '', what: 'shortcut' }));
    await using rig = await open(left);
    const told = (channel: string) =>
      rig.slack.calls.filter((call) => call.method === 'chat.postMessage' && call.channel === channel);
    await rig.slack.waitFor(() => told(ANN).length === 2);
    await vi.waitFor(() => expect(left.rows).toEqual([]));
  });

  test('is told once Slack takes messages again, and kept until then', async () => {
    const left = leaving(leftOver());
    await using rig = await open(new MemoryReceived());
    for (const method of ['chat.postEphemeral', 'chat.postMessage'])
      rig.slack.order({ kind: 'server-error', method, times: 1 });
    const { slack, workspace, desk, log } = rig;
    const settings = settingsFor(slack);
    const door = await openSlack({ settings, workspace, desk, received: left, log, onFatal: () => {} });
    await rig.slack.waitFor(() => rig.slack.ephemerals(ANN)[0]);
    await vi.waitFor(() => expect(left.rows).toEqual([]));
    await door.stop();
  });

  test('is in the log where its person cannot be told', async () => {
    const left = leaving(
      leftOver({ channelId: SECRET, requester: { teamId: 'T0LOCAL01', userId: 'U0GONE001' } }),
    );
    await using rig = await open(left);
    await vi.waitFor(() =>
      expect(rig.log.lines.filter(({ level }) => level === 'error')).toMatchObject([
        { fields: { user: 'U0GONE001', channel: SECRET, requests: 1 } },
      ]),
    );
    await vi.waitFor(() => expect(left.rows).toEqual([]));
  });
});
