import { describe, expect, test } from 'vitest';
import type { RefusalCode } from '../../src/errors.ts';
import type { LocalSlackOptions } from '../../src/sandbox/slack/options.ts';
import { createOpener } from '../../src/slack/outgoing/opener.ts';
import { openWorkspace } from '../../src/slack/workspace.ts';
import { formatRoot } from '../../src/thread/root.ts';
import { sampleRun } from '../report/samples.ts';
import { ANN, BOT, OLD, OPS, openTestSlack, recordLog, SECRET, settingsFor, WEB, withScopes } from './rig.ts';

const root = formatRoot(sampleRun(), { now: 0 });

async function openRig(options: Partial<LocalSlackOptions> = {}) {
  const slack = await openTestSlack(options);
  const log = recordLog();
  const workspace = await openWorkspace(settingsFor(slack), { mask: (text) => text, log });
  return {
    slack,
    workspace,
    log,
    opener: createOpener(workspace, log),
    [Symbol.asyncDispose]: () => slack.close(),
  };
}

const refused = (remedy: string): { code: RefusalCode; remedy: unknown } => ({
  code: 'cannot-post',
  remedy: expect.stringContaining(remedy),
});

describe.concurrent('a root message', () => {
  test('stands at once, with the key by which it is found again', async () => {
    await using rig = await openRig();
    const ts = await rig.opener.openThread(OPS, root, 'root:r-7k3f');
    expect(rig.slack.messages(OPS)).toMatchObject([
      { ts, metadata: { event_type: 'batchops', event_payload: { key: 'root:r-7k3f' } } },
    ]);
    // The one who asked is named; nobody else is called.
    expect(rig.slack.messages(OPS)[0]?.pings.every((ping) => ping.value.includes('U0OPS'))).toBe(true);
    expect(rig.slack.violations).toEqual([]);
  });

  test('cannot stand where the bot is not in, and the answer says how to let it in', async () => {
    await using rig = await openRig({ manifest: { oauth_config: { scopes: { bot: ['chat:write'] } } } });
    const invite = refused('`/invite @');
    await expect(rig.opener.openThread(SECRET, root, 'k')).rejects.toMatchObject(invite);
    await expect(rig.opener.openThread(WEB, root, 'k')).rejects.toMatchObject(invite);
    await expect(rig.opener.openThread(OLD, root, 'k')).rejects.toMatchObject(refused('another channel'));
    await expect(rig.opener.openThread('D0ANN0BOB', root, 'k')).rejects.toMatchObject(
      refused('Use a channel'),
    );
  });

  test('is not posted twice after an answer that was lost, where we may look', async () => {
    await using rig = await openRig({ manifest: withScopes('channels:history') });
    rig.slack.order({ method: 'chat.postMessage', kind: 'lost-answer', times: 1 });
    const ts = await rig.opener.openThread(OPS, root, 'root:r-7k3f');
    expect(rig.slack.messages(OPS).map((message) => message.ts)).toEqual([ts]);
  });

  test('of an earlier process is found again, and posted where it is not there', async () => {
    await using rig = await openRig({ manifest: withScopes('channels:history') });
    const ts = await rig.opener.openThread(OPS, root, 'root:r-7k3f');
    expect(await rig.opener.openThread(OPS, root, 'root:r-7k3f', true)).toBe(ts);
    expect(await rig.opener.openThread(OPS, root, 'root:r-8888', true)).not.toBe(ts);
    expect(rig.slack.messages(OPS)).toHaveLength(2);
  });

  test('is tried again where the call was lost or Slack is busy', async () => {
    await using rig = await openRig();
    rig.slack.order({ method: 'chat.postMessage', kind: 'rate-limit', retryAfterS: 1, times: 1 });
    rig.slack.order({ method: 'chat.postMessage', kind: 'lost-call', times: 1 });
    const ts = await rig.opener.openThread(OPS, root, 'root:r-7k3f');
    expect(rig.slack.messages(OPS).map((message) => message.ts)).toEqual([ts]);
  });

  test('that Slack does not take within ten seconds is refused: nothing was run', async () => {
    await using rig = await openRig();
    rig.slack.order({ method: 'chat.postMessage', kind: 'server-error', times: Number.POSITIVE_INFINITY });
    await expect(rig.opener.openThread(OPS, root, 'k')).rejects.toThrow(/http_500.*nothing was run/);
  });

  test('of which Slack says nothing, twice, is not posted a third time where we may not look', async () => {
    await using rig = await openRig({ manifest: withScopes() });
    rig.slack.order({ method: 'chat.postMessage', kind: 'lost-answer', times: Number.POSITIVE_INFINITY });
    await expect(rig.opener.openThread(OPS, root, 'k')).rejects.toMatchObject(refused('Try again'));
    expect(rig.slack.messages(OPS)).toHaveLength(2);
  });

  test('does not wait behind a long 429', async () => {
    await using rig = await openRig();
    rig.slack.order({ method: 'chat.postMessage', kind: 'rate-limit', retryAfterS: 60, times: 1 });
    // The test would be over first.
    await expect(rig.opener.openThread(OPS, root, 'k')).rejects.toMatchObject(refused('Try again'));
  });

  test('waits for its place behind those who have one: Slack does not have to say no', async () => {
    await using rig = await openRig();
    for (let n = 0; n < 5; n += 1) void rig.workspace.paces.waitForPlace(OPS);
    await rig.opener.openThread(OPS, root, 'k');
    expect(rig.slack.rateLimited.get('chat.postMessage') ?? 0).toBe(0);
  });

  test('in the direct messages with the bot stands there', async () => {
    await using rig = await openRig();
    const { id } = rig.slack.workspace.openDirectMessage(ANN, BOT);
    expect(await rig.opener.openThread(id, root, 'k')).toMatch(/^\d+\.\d+$/);
  });
});
