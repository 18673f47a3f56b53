import { describe, expect, test } from 'vitest';
import { bareOutcome, type Outcome } from '../../src/run/outcome.ts';
import type { StoredMessage } from '../../src/sandbox/slack/workspace/message.ts';
import { streamOf } from '../report/samples.ts';
import { AUDIT, OPS, withScopes } from '../slack/rig.ts';
import { drain, okOutcome } from '../store/rig.ts';
import { openAll } from './whole-rig.ts';

function keysOf(messages: readonly StoredMessage[]): readonly string[] {
  return messages.flatMap(({ metadata }) => {
    const text = JSON.stringify(metadata ?? {});
    return Array.from(text.matchAll(/"key":"([^"]+)"/g), ([, key = '']) => key);
  });
}

function twice(names: readonly string[]): readonly string[] {
  return names.filter((name, at) => names.indexOf(name) !== at);
}

const long = (host: string): Outcome => ({
  ...bareOutcome('ok', '', 12),
  exitCode: 0,
  stdout: streamOf(`${host} says much\n`.repeat(1_500)),
});

describe.concurrent('a Slack that loses one answer in three', () => {
  test('has no message, no audit line and no file twice, and lacks none', async () => {
    await using rig = await openAll();
    rig.slack.order({ kind: 'lost-answer', every: 3, times: Number.POSITIVE_INFINITY });
    const small = await rig.begin({ hosts: 4 });
    const large = await rig.begin({ hosts: 30, fanOut: 30 });
    await drain(rig.store, ({ host }) => long(host));
    await rig.settled();
    const keys = keysOf([...rig.all(), ...rig.slack.messages(AUDIT)]);
    expect(twice(keys)).toEqual([]);
    expect(keys.filter((key) => key.startsWith(`reply:${small.id}`))).toHaveLength(4);
    expect(keys.filter((key) => key.startsWith('audit:'))).toHaveLength(4);
    const files = [...rig.slack.workspace.files.values()].filter(({ shares }) => shares.length > 0);
    expect(files.flatMap(({ shares }) => shares)).toHaveLength(files.length);
    expect(twice(files.map(({ name, shares }) => `${shares[0]?.threadTs} ${name}`))).toEqual([]);
    const names = files.map(({ name }) => name);
    expect(names.filter((name) => name.startsWith(large.id))).toHaveLength(2);
    expect(files).toHaveLength(4 + 2);
  }, 90_000);

  test('has no file twice, however long after the lost answer Slack shows it', async () => {
    // Twenty-four seconds by the clock of the waits.
    await using rig = await openAll({ pace: { isLimited: false, fileShareMs: 3_000 } });
    rig.slack.order({ kind: 'lost-answer', method: 'files.completeUploadExternal', times: 3 });
    await rig.begin({ hosts: 2 });
    await rig.begin({ hosts: 12, fanOut: 12 });
    await drain(rig.store, ({ host }) => long(host));
    await rig.settled();
    await rig.slack.waitFor(() =>
      [...rig.slack.workspace.files.values()].every(({ shares }) => shares.length > 0),
    );
    const files = [...rig.slack.workspace.files.values()];
    expect(twice(files.map(({ name, shares }) => `${shares[0]?.threadTs} ${name}`))).toEqual([]);
    expect(files).toHaveLength(2 + 2);
    const noted = rig.sql("select ts from outbox where sends in ('file', 'bulk') and ts <> ''");
    expect(new Set(noted.map(({ ts }) => ts))).toEqual(new Set(files.map(({ id }) => id)));
  }, 60_000);

  test('edits a root message that stands, though its run was given up, to say so', async () => {
    await using rig = await openAll();
    const fault = rig.slack.order({ kind: 'lost-answer', method: 'chat.postMessage', times: 100 });
    const history = rig.slack.order({ kind: 'lost-call', method: 'conversations.history', times: 100 });
    await expect(rig.begin({ hosts: 2 })).rejects.toThrow('nothing was run');
    fault.cancel();
    history.cancel();
    await rig.settled();
    const roots = rig.slack.messages(OPS);
    expect(roots.length).toBeGreaterThan(0);
    for (const root of roots) expect(JSON.stringify(root)).toContain('nothing was sent to any host');
    expect(await rig.store.jobs.take(10)).toEqual([]);
  }, 60_000);

  test('gets no root message of a run that was given up where none stands', async () => {
    await using rig = await openAll();
    const fault = rig.slack.order({ kind: 'lost-call', method: 'chat.postMessage', times: 100 });
    await expect(rig.begin({ hosts: 2 })).rejects.toThrow('nothing was run');
    fault.cancel();
    await rig.settled();
    expect(rig.slack.messages(OPS)).toEqual([]);
  }, 60_000);

  test('still gets everything of an app that may not look, which is said once', async () => {
    await using rig = await openAll({ manifest: withScopes() });
    rig.slack.order({ kind: 'lost-answer', method: 'chat.postMessage', every: 3, times: 100 });
    const run = await rig.begin({ hosts: 4 });
    await drain(rig.store, ({ host }) => okOutcome(host));
    await rig.settled();
    const replies = new Set(keysOf(rig.all()).filter((key) => key.startsWith(`reply:${run.id}`)));
    expect(replies.size).toBe(4);
    expect(
      rig.log.lines.filter(({ message }) => message.includes('look for its own messages')),
    ).toMatchObject([{ level: 'warn', fields: { scopes: ['channels:history', 'groups:history'] } }]);
  }, 60_000);
});
