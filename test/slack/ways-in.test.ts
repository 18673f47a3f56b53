import { createHmac } from 'node:crypto';
import { describe, expect, test, vi } from 'vitest';
import { ConfigError } from '../../src/errors.ts';
import { openSlack } from '../../src/slack/connection.ts';
import { isFromTheFuture } from '../../src/slack/http.ts';
import { redact } from '../../src/slack/quiet-logger.ts';
import { openWorkspace } from '../../src/slack/workspace.ts';
import { MemoryReceived } from './memory-received.ts';
import {
  ANN,
  DF,
  type DoorRig,
  OPS,
  openDoorRig,
  openTestSlack,
  RecordingDesk,
  recordLog,
  settingsFor,
} from './rig.ts';

describe.concurrent('two sockets', () => {
  test('are both open, and a refresh of one loses no command', async () => {
    await using rig = await openDoorRig();
    await rig.slack.waitFor(() => rig.slack.socketCount === 2);
    rig.slack.refreshSockets('oldest');
    for (let n = 0; n < 20; n += 1) {
      expect(await rig.slack.command({ ...DF, text: `${n}` })).toMatchObject({ ok: true });
    }
    expect(rig.desk.calls.map((call) => call.text)).toEqual(Array.from({ length: 20 }, (_, n) => `${n}`));
    expect(rig.door.isConnected()).toBe(true);
  });

  test('come back after both were cut, and say meanwhile that nobody can reach us', async () => {
    await using rig = await openDoorRig();
    await rig.slack.waitFor(() => rig.slack.socketCount === 2);
    rig.slack.dropSockets();
    await vi.waitFor(() => expect(rig.door.isConnected()).toBe(false));
    await vi.waitFor(() => expect(rig.door.isConnected()).toBe(true), { timeout: 10_000 });
    expect(await rig.slack.command(DF)).toMatchObject({ ok: true });
    expect(rig.fatal).toEqual([]);
  });

  test('outlast a Slack that fails for a while', async () => {
    await using rig = await openDoorRig();
    await rig.slack.waitFor(() => rig.slack.socketCount === 2);
    const fault = rig.slack.order({ method: 'apps.connections.open', kind: 'server-error', times: 3 });
    rig.slack.dropSockets();
    await rig.slack.waitFor(() => fault.struck === 3);
    await vi.waitFor(() => expect(rig.door.isConnected()).toBe(true), { timeout: 15_000 });
    expect(rig.fatal).toEqual([]);
  });

  test('a token that is withdrawn while we run is fatal, and not an unhandled rejection', async () => {
    await using rig = await openDoorRig();
    await rig.slack.waitFor(() => rig.slack.socketCount === 2);
    rig.slack.order({
      method: 'apps.connections.open',
      kind: 'error',
      error: 'invalid_auth',
      times: Infinity,
    });
    rig.slack.dropSockets();
    await vi.waitFor(() => expect(rig.fatal.length).toBeGreaterThan(0), { timeout: 10_000 });
    expect(rig.fatal[0]?.message).toContain('invalid_auth');
  });
});

describe.concurrent('at start', () => {
  test("tokens of the wrong kind and tokens that Slack refuses are the administrator's", async () => {
    await using slack = await openTestSlack();
    const log = recordLog();
    const more = { mask: (text: string) => text, log };
    const good = settingsFor(slack);
    const swapped = { ...good, botToken: { reveal: () => slack.settings.tokens.app } };
    await expect(openWorkspace(swapped, more)).rejects.toThrow(ConfigError);
    const wrong = { ...good, botToken: { reveal: () => 'xoxb-wrong' } };
    await expect(openWorkspace(wrong, more)).rejects.toThrow(/SLACK_BOT_TOKEN.*invalid_auth/);
    const wrongApp = { ...good, mode: { kind: 'socket' as const, appToken: { reveal: () => 'xapp-wrong' } } };
    const workspace = await openWorkspace(good, more);
    const door = openSlack({
      settings: wrongApp,
      workspace,
      desk: new RecordingDesk(),
      received: new MemoryReceived(),
      log,
      onFatal: () => undefined,
    });
    await expect(door).rejects.toThrow(/SLACK_APP_TOKEN.*invalid_auth/);
  });
});

describe.concurrent('signed requests', () => {
  async function send(rig: DoorRig, atS: number, more: { contentType?: string; secret?: string } = {}) {
    const body = new URLSearchParams({
      command: '/batch',
      text: 'help',
      team_id: rig.slack.settings.team.id,
      user_id: ANN,
      channel_id: OPS,
      trigger_id: 'trigger-1',
      response_url: `${rig.slack.url}/commands/none`,
    }).toString();
    const base = `v0:${atS}:${body}`;
    const signature = createHmac('sha256', more.secret ?? rig.slack.settings.signingSecret)
      .update(base)
      .digest('hex');
    const response = await fetch(`http://127.0.0.1:${rig.door.port}/slack/events`, {
      method: 'POST',
      headers: {
        'content-type': more.contentType ?? 'application/x-www-form-urlencoded',
        'x-slack-request-timestamp': String(atS),
        'x-slack-signature': `v0=${signature}`,
      },
      body,
    });
    return response.status;
  }

  test('are taken once signed, with or without a charset, and give a replay the same key', async () => {
    await using rig = await openDoorRig('http');
    const now = Math.floor(Date.now() / 1_000);
    expect(await send(rig, now)).toBe(200);
    expect(await send(rig, now, { contentType: 'application/x-www-form-urlencoded; charset=utf-8' })).toBe(
      200,
    );
    await vi.waitFor(() => expect(rig.desk.calls).toHaveLength(2));
    expect(new Set(rig.desk.calls.map((call) => call.requestKey)).size).toBe(1);
  });

  test('are refused when signed by another, stale, or from the future', async () => {
    await using rig = await openDoorRig('http');
    const now = Math.floor(Date.now() / 1_000);
    expect(await send(rig, now, { secret: 'another' })).toBe(401);
    expect(await send(rig, now - 400)).toBe(401);
    expect(await send(rig, now + 3_600)).toBe(401);
    expect((await fetch(`http://127.0.0.1:${rig.door.port}/`)).status).toBe(404);
    expect(rig.desk.calls).toEqual([]);
    expect(isFromTheFuture(String(now + 30), now * 1_000)).toBe(false);
  });
});

test('what Bolt logs holds no token and no address that is a right', () => {
  const shown = redact(
    'failed xoxb-1-2-abc at https://hooks.slack.com/commands/T1/2/3 and wss://x/?ticket=9',
  );
  expect(shown).toBe('failed [token] at https://hooks.slack.com/… and wss://x/…');
});
