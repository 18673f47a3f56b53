import { type AckFn, App } from '@slack/bolt';
import { describe, expect, test, vi } from 'vitest';
import { UNMETERED } from '../../../src/ports/meters.ts';
import { openSlack } from '../../../src/slack/connection.ts';
import { Socket } from '../../../src/slack/socket-mode/socket.ts';
import { openWorkspace } from '../../../src/slack/workspace.ts';
import { delay } from '../../../src/time/delay.ts';
import { MemoryReceived } from '../memory-received.ts';
import {
  ANN,
  type DoorRig,
  OPS,
  openDoorRig,
  openTestSlack,
  RecordingDesk,
  recordLog,
  settingsFor,
} from '../rig.ts';

const UNLIMITED = { isLimited: false };
const HELP = { user: ANN, channel: OPS, command: '/batch', text: 'help' };

/** Commands without a pause until it is so; how many sockets there were at least, and what became of them. */
async function commandsUntil(rig: DoorRig, isSo: () => boolean) {
  let [fewest, most, lost] = [Number.POSITIVE_INFINITY, 0, 0];
  const deadline = performance.now() + 20_000;
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error('it never came to be so');
    fewest = Math.min(fewest, rig.slack.socketCount);
    most = Math.max(most, rig.slack.socketCount);
    if (!(await rig.slack.command(HELP)).ok) lost += 1;
  }
  return { fewest, most, lost };
}

describe.concurrent('a command finds a connection', () => {
  test('while one makes room: a third is open before it goes, and it is heard until Slack closes it', async () => {
    await using rig = await openDoorRig('socket', { pace: { ...UNLIMITED, refreshMs: 2_500 } });
    await rig.slack.waitFor(() => rig.slack.socketCount === 2);
    rig.slack.refreshSockets('oldest');
    await rig.slack.waitFor(() => rig.slack.socketCount === 3, 5_000);
    const seen = await commandsUntil(rig, () => rig.slack.socketCount === 2);
    expect(seen).toMatchObject({ fewest: 3, most: 3, lost: 0 });
    expect(rig.slack.violations).toEqual([]);
    // Those two again, and so on.
    rig.slack.refreshSockets('oldest');
    await rig.slack.waitFor(() => rig.slack.socketCount === 3, 5_000);
    expect(await commandsUntil(rig, () => rig.slack.socketCount === 2)).toMatchObject({ lost: 0 });
  }, 30_000);

  test('while both are to make room at once', async () => {
    await using rig = await openDoorRig('socket', { pace: { ...UNLIMITED, refreshMs: 2_500 } });
    await rig.slack.waitFor(() => rig.slack.socketCount === 2);
    const opened = () => rig.slack.calls.filter(({ method }) => method === 'apps.connections.open').length;
    rig.slack.refreshSockets('all');
    const before = await commandsUntil(rig, () => opened() === 4);
    const after = await commandsUntil(rig, () => rig.slack.socketCount === 2);
    expect(before.lost + after.lost).toBe(0);
    expect(Math.min(before.fewest, after.fewest)).toBeGreaterThan(0);
    expect(rig.door.isConnected()).toBe(true);
  }, 30_000);

  test('again, however often both are cut: the pauses do not grow', async () => {
    const tookMs: number[] = [];
    await using rig = await openDoorRig('socket', { pace: UNLIMITED });
    await rig.slack.waitFor(() => rig.slack.socketCount === 2);
    for (let cut = 0; cut < 6; cut += 1) {
      // They are cut at this age.
      await delay(1_300);
      await rig.slack.waitFor(() => rig.slack.socketCount === 2, 10_000);
      rig.slack.dropSockets();
      const cutAt = performance.now();
      await rig.slack.waitFor(() => rig.slack.socketCount > 0, 20_000);
      tookMs.push(performance.now() - cutAt);
    }
    // Pauses that grow would be longest in the end; the machine may hold up any one of them.
    expect(Math.min(...tookMs.slice(3))).toBeLessThan(1_500);
    expect(rig.fatal).toEqual([]);
  }, 60_000);
});

test('what came over a connection that is gone is not acked over the next one', async () => {
  await using slack = await openTestSlack({ pace: UNLIMITED });
  const socket = new Socket(settingsFor(slack), slack.settings.tokens.app, {
    log: recordLog(),
    meters: UNMETERED,
    isFinal: () => false,
    onHello: () => {},
    onLeave: () => {},
  });
  const app = new App({
    receiver: socket.receiver,
    token: slack.settings.tokens.bot,
    tokenVerificationEnabled: false,
    botId: 'B0BOT0001',
    botUserId: 'U0BOT0001',
  });
  const acks: AckFn<string>[] = [];
  app.command('/batch', async ({ ack }) => void acks.push(ack));
  await socket.start();
  const typed = slack.command(HELP);
  await vi.waitFor(() => expect(acks).toHaveLength(1));
  slack.dropSockets();
  expect(await typed).toMatchObject({ ok: false });
  await slack.waitFor(() => slack.socketCount === 1, 10_000);
  await vi.waitFor(() => expect(socket.isActive()).toBe(true));
  await expect(acks[0]?.()).rejects.toThrow();
  // What comes over the one that is open is acked there, behind whatever was said before.
  const again = slack.command(HELP);
  await vi.waitFor(() => expect(acks.length).toBeGreaterThan(1));
  await acks.at(-1)?.();
  expect(await again).toMatchObject({ ok: true });
  expect(slack.violations).toEqual([]);
  await socket.stop();
}, 30_000);

describe.concurrent('what keeps the app from being connected', () => {
  async function open(order: { readonly error: string; readonly needed?: string; readonly method?: string }) {
    const slack = await openTestSlack({ pace: UNLIMITED });
    const log = recordLog();
    const settings = settingsFor(slack);
    try {
      slack.order({ kind: 'error', method: 'apps.connections.open', times: Infinity, ...order });
      const workspace = await openWorkspace(settings, { mask: (text) => text, log });
      const door = await openSlack({
        settings,
        workspace,
        desk: new RecordingDesk(),
        received: new MemoryReceived(),
        log,
        onFatal: () => undefined,
      });
      await door.stop();
    } finally {
      await slack.close();
    }
  }

  test("ends the start, with the scope's name where one is lacking", async () => {
    await expect(open({ error: 'missing_scope' })).rejects.toThrow(
      'SLACK_APP_TOKEN: Slack refuses the app token: missing_scope, it needs the scope connections:write',
    );
    await expect(open({ error: 'missing_scope', needed: 'other:scope' })).rejects.toThrow(
      'it needs the scope other:scope',
    );
    await expect(open({ error: 'forbidden_team' })).rejects.toThrow(
      'SLACK_APP_TOKEN: Slack refuses the app token: forbidden_team',
    );
    await expect(open({ method: 'auth.test', error: 'missing_scope', needed: 'team:read' })).rejects.toThrow(
      'SLACK_BOT_TOKEN: Slack refuses it (missing_scope, it needs the scope team:read)',
    );
  });

  test('while we run is waited for: an administrator may mend it', async () => {
    await using rig = await openDoorRig('socket', { pace: UNLIMITED });
    await rig.slack.waitFor(() => rig.slack.socketCount === 2);
    const fault = rig.slack.order({
      kind: 'error',
      method: 'apps.connections.open',
      error: 'missing_scope',
      times: 3,
    });
    rig.slack.dropSockets();
    await rig.slack.waitFor(() => fault.struck === 3, 10_000);
    await vi.waitFor(() => expect(rig.door.isConnected()).toBe(true), { timeout: 15_000 });
    expect(rig.fatal).toEqual([]);
  }, 30_000);
});

test.each([
  [7, 0],
  [8, 1],
])(
  'of %i connections that Slack counts, the log warns %i times, with both causes',
  async (counted, warned) => {
    await using rig = await openDoorRig('socket', { pace: UNLIMITED });
    await rig.slack.waitFor(() => rig.slack.socketCount === 2);
    for (let ghost = 0; ghost < counted - 3; ghost += 1)
      rig.slack.order({ kind: 'ghost', method: 'none', times: Infinity });
    rig.slack.refreshSockets('oldest');
    await vi.waitFor(() => expect(rig.door.connections()).toBe(counted), { timeout: 10_000 });
    const warnings = rig.log.lines.filter(({ fields }) => 'connections' in fields);
    expect(warnings).toHaveLength(warned);
    for (const { message } of warnings) {
      expect(message).toMatch(/another process has the same app token/);
      expect(message).toMatch(/connections that have ended/);
    }
  },
);
