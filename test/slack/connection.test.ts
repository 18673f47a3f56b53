import { describe, expect, test, vi } from 'vitest';
import { Refusal } from '../../src/errors.ts';
import { formatNotice } from '../../src/report/answers.ts';
import { plain } from '../../src/report/message.ts';
import type { Fault } from '../../src/sandbox/slack/faults.ts';
import { formatRoot } from '../../src/thread/root.ts';
import { sampleRun } from '../report/samples.ts';
import { ANN, BOT, DF, type DoorRig, OPS, OUTSIDER, openDoorRig, SECRET } from './rig.ts';

async function answerTo(rig: DoorRig, typed = DF): Promise<string> {
  const outcome = await rig.slack.command(typed);
  const [answer] = await rig.slack.waitFor(() => outcome.answers().length > 0 && outcome.answers());
  return JSON.stringify(answer);
}

describe.concurrent.each(['socket', 'http'] as const)('over %s', (mode) => {
  test('a command is acked at once, heard as typed, and answered to the one who asked', async () => {
    await using rig = await openDoorRig(mode);
    const gate = Promise.withResolvers<void>();
    rig.desk.answer = async () => {
      await gate.promise;
      return formatNotice('Heard.');
    };
    const outcome = await rig.slack.command(DF);
    expect(outcome).toMatchObject({ ok: true });
    gate.resolve();
    const answers = await rig.slack.waitFor(() => outcome.answers().length > 0 && outcome.answers());
    expect(answers[0]).toMatchObject({ onlyFor: ANN, text: 'Heard.' });
    expect(rig.desk.calls).toEqual([
      {
        command: '/batch_run',
        text: DF.text,
        requester: { teamId: rig.slack.settings.team.id, userId: ANN },
        channelId: OPS,
        requestKey: `slack:${rig.slack.settings.team.id}:${outcome.triggerId}`,
        isDirect: false,
        isLate: false,
      },
    ]);
    expect(rig.slack.violations).toEqual([]);
    // Before the ack nothing is asked of Slack; that we may, we asked once at the start.
    expect(rig.slack.calls.filter((call) => call.method === 'auth.test')).toHaveLength(1);
  });

  test('the same request again has the same key, and another one has another', async () => {
    await using rig = await openDoorRig(mode);
    const outcome = await rig.slack.command(DF);
    await outcome.redeliver();
    await rig.slack.command(DF);
    await vi.waitFor(() => expect(rig.desk.calls).toHaveLength(3));
    const [first, again, other] = rig.desk.calls.map((call) => call.requestKey);
    expect(again).toBe(first);
    expect(other).not.toBe(first);
  });

  test('Cancel reaches the desk, and the answer leaves the root message alone', async () => {
    await using rig = await openDoorRig(mode);
    const { blocks } = formatRoot(sampleRun(), { now: 0 });
    const posted = await rig.workspace.posts.chat.postMessage({
      channel: OPS,
      text: 'r-7k3f',
      blocks: [...blocks],
    });
    const outcome = await rig.slack.click({
      user: ANN,
      channel: OPS,
      ts: posted.ts ?? '',
      actionId: 'batchops_cancel',
    });
    expect(outcome).toMatchObject({ ok: true });
    await rig.slack.waitFor(() => outcome.answers()[0]);
    expect(rig.desk.clicks).toMatchObject([
      { actionId: 'batchops_cancel', value: 'r-7k3f', channelId: OPS, requester: { userId: ANN } },
    ]);
    expect(rig.slack.messages(OPS)).toMatchObject([{ text: 'r-7k3f', edits: 0 }]);
  });

  test('a click from another workspace never reaches the desk and is answered', async () => {
    await using rig = await openDoorRig(mode);
    const { blocks } = formatRoot(sampleRun(), { now: 0 });
    const posted = await rig.workspace.posts.chat.postMessage({
      channel: OPS,
      text: 'r-7k3f',
      blocks: [...blocks],
    });
    const outcome = await rig.slack.click({
      user: OUTSIDER,
      channel: OPS,
      ts: posted.ts ?? '',
      actionId: 'batchops_cancel',
    });
    const answer = await rig.slack.waitFor(() => outcome.answers()[0]);
    expect(answer.text).toContain('its own workspace');
    expect(rig.desk.clicks).toEqual([]);
  });

  test('stop waits for who is being served', async () => {
    const rig = await openDoorRig(mode);
    const gate = Promise.withResolvers<void>();
    rig.desk.answer = async () => {
      await gate.promise;
      return formatNotice('Last words.');
    };
    const outcome = await rig.slack.command(DF);
    const stopped = rig.door.stop();
    gate.resolve();
    await stopped;
    expect(outcome.answers()).toMatchObject([{ text: 'Last words.' }]);
    expect(rig.door.isConnected()).toBe(false);
    await rig.slack.close();
  });
});

describe.concurrent('every request is answered', () => {
  test('a refusal with its remedy, a defect with nothing but its number', async () => {
    await using rig = await openDoorRig();
    rig.desk.answer = async () => {
      throw new Refusal('not-now', 'Stopping.', { remedy: 'Try again in a minute.' });
    };
    expect(await answerTo(rig)).toContain('Try again in a minute.');
    rig.desk.answer = async () => {
      throw new Error('password of db01 is hunter2');
    };
    const answer = await answerTo(rig);
    const id = /d-[0-9a-f]{8}/.exec(answer)?.[0];
    expect(id).toBeDefined();
    expect(answer).not.toContain('hunter2');
    expect(rig.log.lines).toContainEqual(
      expect.objectContaining({ level: 'error', fields: expect.objectContaining({ id }) }),
    );
  });

  test('where the bot is not a member', async () => {
    await using rig = await openDoorRig();
    expect(await answerTo(rig, { ...DF, channel: SECRET })).toContain('Heard.');
  });

  test('a command that only the settings of the app know', async () => {
    await using rig = await openDoorRig('socket', {
      manifest: {
        features: { slash_commands: [{ command: '/batch_old', description: 'gone' }] },
        oauth_config: { scopes: { bot: ['commands', 'chat:write'] } },
      },
    });
    expect(await answerTo(rig, { ...DF, command: '/batch_old' })).toContain('does not know');
    expect(rig.desk.calls).toEqual([]);
  });

  test('where the response_url fails, by an ephemeral message', async () => {
    await using rig = await openDoorRig();
    let answers = 0;
    rig.desk.answer = async () => {
      answers += 1;
      return formatNotice(`answer ${answers}`);
    };
    const outcome = await rig.slack.command(DF);
    await rig.slack.waitFor(() => outcome.answers()[0]);
    await useUp(outcome.responseUrl);
    await outcome.redeliver();
    await rig.slack.waitFor(() => rig.slack.ephemerals(ANN).find((message) => message.text === 'answer 2'));
    expect(JSON.stringify(rig.log.lines)).not.toContain(outcome.responseUrl);
  });

  test('where that and the ephemeral message fail, for whatever reason, directly', async () => {
    await using rig = await openDoorRig();
    const outcome = await rig.slack.command(DF);
    await rig.slack.waitFor(() => outcome.answers()[0]);
    await useUp(outcome.responseUrl);
    const direct = rig.slack.workspace.openDirectMessage(ANN, BOT).id;
    const faults: readonly Omit<Fault, 'method' | 'times'>[] = [
      { kind: 'error', error: 'internal_error' },
      { kind: 'error', error: 'user_not_in_channel' },
      { kind: 'error', error: 'invalid_arguments' },
      { kind: 'error', error: 'missing_scope' },
      { kind: 'error', error: 'some_new_word' },
      { kind: 'rate-limit', retryAfterS: 30 },
      { kind: 'server-error' },
      { kind: 'lost-call' },
    ];
    for (const [index, fault] of faults.entries()) {
      const every = Number.POSITIVE_INFINITY;
      const ordered = rig.slack.order({ ...fault, method: 'chat.postEphemeral', times: every });
      rig.desk.answer = async () => formatNotice(`for Ann alone ${index}`);
      await outcome.redeliver();
      await rig.slack.waitFor(() => rig.slack.messages(direct).length > index);
      expect(rig.slack.messages(direct).at(-1)?.text, JSON.stringify(fault)).toBe(`for Ann alone ${index}`);
      ordered.cancel();
    }
    expect(rig.slack.messages(direct)).toHaveLength(faults.length);
  });

  test('to a click in a thread stands in that thread, by either way; to one on its root in the channel', async () => {
    await using rig = await openDoorRig();
    const elements = [{ type: 'button' as const, action_id: 'go', text: plain('Go') }];
    const more = { channel: OPS, text: 'x', blocks: [{ type: 'actions' as const, elements }] };
    const { ts: root = '' } = await rig.workspace.posts.chat.postMessage(more);
    const { ts: reply = '' } = await rig.workspace.posts.chat.postMessage({ ...more, thread_ts: root });
    const click = (ts: string) => rig.slack.click({ user: ANN, channel: OPS, ts, actionId: 'go' });
    const onRoot = await click(root);
    expect(await rig.slack.waitFor(() => onRoot.answers()[0])).toMatchObject({ threadTs: null });
    const onReply = await click(reply);
    const answer = await rig.slack.waitFor(() => onReply.answers()[0]);
    expect(answer).toMatchObject({ threadTs: root, onlyFor: ANN });
    await useUp(onReply.responseUrl);
    rig.desk.answer = async () => formatNotice('by the other way');
    await onReply.redeliver();
    const other = await rig.slack.waitFor(() =>
      rig.slack.ephemerals(ANN).find(({ text }) => text === 'by the other way'),
    );
    expect(other.threadTs).toBe(root);
  });
});

/** A response_url takes five answers, of which one was given. */
async function useUp(responseUrl: string): Promise<void> {
  for (let use = 0; use < 4; use += 1) {
    await fetch(responseUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ text: 'x' }),
    });
  }
}
