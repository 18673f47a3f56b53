import { describe, expect, test, vi } from 'vitest';
import { type OpeningContext, openRun } from '../../src/lifecycle/open-run.ts';
import type { Outcome } from '../../src/run/outcome.ts';
import { bareOutcome } from '../../src/run/outcome.ts';
import type { StoredMessage } from '../../src/sandbox/slack/workspace/message.ts';
import { createOpener } from '../../src/slack/outgoing/opener.ts';
import { openPoster } from '../../src/slack/outgoing/poster.ts';
import { openWorkspace } from '../../src/slack/workspace.ts';
import { createRenderer } from '../../src/thread/render.ts';
import { streamOf } from '../report/samples.ts';
import { AUDIT, OPS, openTestSlack, recordLog, settingsFor, withScopes } from '../slack/rig.ts';
import { approvedPlan, drain, okOutcome, openRig, type PlanWish } from '../store/rig.ts';
import { factsOf } from './thread-rig.ts';

/** The clock of waits, eight times as fast: what is tested is not how long they are. */
const startedAt = Date.now();
const steady = () => startedAt + (Date.now() - startedAt) * 8;

/** Store, opener, poster and renderer as they are, over a Slack that orders may spoil. */
async function openAll(scopes?: ReturnType<typeof withScopes>) {
  const stack = new AsyncDisposableStack();
  const options = scopes === undefined ? {} : { manifest: scopes };
  const slack = stack.adopt(await openTestSlack({ pace: { isLimited: false }, ...options }), (it) =>
    it.close(),
  );
  const rig = stack.use(await openRig({ auditChannel: AUDIT, steady }));
  const { store } = rig;
  const log = recordLog();
  const workspace = await openWorkspace(settingsFor(slack), { mask: (text) => text, log });
  const render = createRenderer(factsOf(store, {}));
  stack.adopt(openPoster({ outbox: store.outbox, render, workspace, log, now: steady }), (it) => it.close());
  const context: OpeningContext = {
    opener: createOpener(workspace, log),
    store,
    now: Date.now,
    log,
  };
  let requests = 0;
  return {
    slack,
    store,
    log,
    all: () => [...slack.messages(OPS), ...slack.messages(OPS).flatMap(({ ts }) => slack.thread(OPS, ts))],
    async begin(wish: PlanWish) {
      const { run } = await store.createRun(approvedPlan({ channelId: OPS, ...wish }), `${++requests}`);
      await openRun(context, run);
      return run;
    },
    async settled(): Promise<void> {
      const isSettled = () => expect(rig.sql('select key from outbox where due_at is not null')).toEqual([]);
      await vi.waitFor(isSettled, { timeout: 60_000 });
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

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
    await using rig = await openAll(withScopes());
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
