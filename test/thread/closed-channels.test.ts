import { describe, expect, test, vi } from 'vitest';
import { describeClosed } from '../../src/report/history.ts';
import type { LocalSlack } from '../../src/sandbox/slack/local-slack.ts';
import { ANN, BOT, OPS } from '../slack/rig.ts';
import { okOutcome } from '../store/rig.ts';
import { openAll } from './whole-rig.ts';

const UP = { timeout: 20_000 };

type Rig = Awaited<ReturnType<typeof openAll>>;

/** Takes, starts and settles so many jobs; fewer where fewer may start. */
async function carryOut(rig: Rig, jobs: number): Promise<number> {
  const started = await rig.store.jobs.start(await rig.store.jobs.take(jobs));
  await rig.store.jobs.settle(started.map((job) => ({ job, outcome: okOutcome(job.host) })));
  return started.length;
}

/** The hosts that have a line in a thread, alone or with others. */
const repliesIn = (rig: Rig) =>
  rig
    .all()
    .filter(({ threadTs }) => threadTs !== null)
    .flatMap(({ text }) => Array.from(text.matchAll(/^web\d\d(?=:)/gm), ([host]) => host));

describe.concurrent('a channel that cannot be written into for a moment', () => {
  test('is tried again: nothing is given up, nothing new starts, who asked is told, and all comes', async () => {
    await using rig = await openAll();
    const run = await rig.begin({ hosts: 4, fanOut: 2 });
    expect(await carryOut(rig, 1)).toBe(1);
    await vi.waitFor(() => expect(repliesIn(rig)).toHaveLength(1), UP);
    const archived = rig.slack.order({ kind: 'error', channel: OPS, error: 'is_archived', times: 1e6 });
    expect(await carryOut(rig, 1)).toBe(1);
    await vi.waitFor(() => expect(rig.sql('select channel_id from place')).toHaveLength(1), UP);
    expect(await carryOut(rig, 2), 'a job starts that nobody could read about').toBe(0);
    const unread = (await rig.store.findRun(run.id))?.unread;
    expect(unread).toBe('is_archived');
    const direct = await rig.slack.waitFor(() => directTo(rig.slack)[0], 20_000);
    expect(direct.text).toContain(run.id);
    expect(direct.text).toContain('not started meanwhile');

    archived.cancel();
    await vi.waitFor(() => expect(rig.sql('select channel_id from place')).toEqual([]), UP);
    await vi.waitFor(() => expect(repliesIn(rig)).toHaveLength(2), UP);
    await vi.waitFor(async () => expect(await carryOut(rig, 2)).toBeGreaterThan(0), UP);
    await carryOut(rig, 2);
    await rig.settled();
    expect(repliesIn(rig).toSorted()).toEqual(['web01', 'web02', 'web03', 'web04']);
    expect(rig.sql('select key from outbox where given_up_at is not null')).toEqual([]);
    expect(directTo(rig.slack)).toHaveLength(1);
  }, 60_000);

  test('for longer than waiting work may begin by itself: what waits is held for a person', async () => {
    await using rig = await openAll({}, { resumeWithinMs: 10 * 60_000 });
    const run = await rig.begin({ hosts: 3, fanOut: 1 });
    const fault = rig.slack.order({ kind: 'error', channel: OPS, error: 'not_in_channel', times: 1e6 });
    await carryOut(rig, 1);
    await vi.waitFor(() => expect(rig.sql('select channel_id from place')).toHaveLength(1), UP);
    rig.sql('update place set since = since - 25 * 60000');
    fault.cancel();
    await vi.waitFor(() => expect(rig.sql('select channel_id from place')).toEqual([]), UP);
    expect(await carryOut(rig, 2)).toBe(0);
    expect((await rig.store.findRun(run.id))?.held).toMatch(
      /^nobody could read about it for 2[5-9] min \(Slack: not_in_channel\)$/,
    );
    await rig.store.resumeRun(run.id, { teamId: 'T1', userId: ANN });
    expect(await carryOut(rig, 1)).toBe(1);
  }, 60_000);

  test('for more than a day: what is due is given up, and comes when anything there works again', async () => {
    await using rig = await openAll();
    const run = await rig.begin({ hosts: 2 });
    const fault = rig.slack.order({ kind: 'error', channel: OPS, error: 'no_permission', times: 1e6 });
    await carryOut(rig, 2);
    await vi.waitFor(() => expect(rig.sql('select channel_id from place')).toHaveLength(1), UP);
    rig.sql('update place set since = since - 25 * 3600000');
    const givenUp = `select key from outbox where run_id = '${run.id}' and given_up_at is not null`;
    await vi.waitFor(() => expect(rig.sql(givenUp).length).toBeGreaterThan(1), UP);
    fault.cancel();
    expect(repliesIn(rig)).toEqual([]);
    await rig.begin({ hosts: 1 });
    await vi.waitFor(() => expect(repliesIn(rig).toSorted()).toEqual(['web01', 'web02']), UP);
  }, 60_000);
});

describe.concurrent('a root message that somebody deleted', () => {
  test('is posted anew and says why, with the results below it; nothing is given up', async () => {
    await using rig = await openAll();
    const run = await rig.begin({ hosts: 3, fanOut: 1 });
    const [first] = rig.slack.messages(OPS);
    if (first === undefined) throw new Error('there is no root message');
    rig.slack.workspace.deleteMessage(first);
    while ((await carryOut(rig, 1)) > 0);
    await rig.settled();
    const roots = rig.slack.messages(OPS);
    expect(roots).toHaveLength(1);
    expect(JSON.stringify(roots[0])).toContain('Slack no longer had the first message of this run');
    expect(roots[0]?.text).toContain('3 ok');
    expect(repliesIn(rig).toSorted()).toEqual(['web01', 'web02', 'web03']);
    expect((await rig.store.findRun(run.id))?.rootTs).toBe(roots[0]?.ts);
    expect(rig.sql('select key from outbox where given_up_at is not null')).toEqual([]);
  }, 60_000);

  test('takes the board with it: the new thread shows how every host stands', async () => {
    await using rig = await openAll();
    const run = await rig.begin({ hosts: 12, fanOut: 12 });
    await carryOut(rig, 3);
    const boardOf = () => rig.slack.thread(OPS, rig.slack.messages(OPS)[0]?.ts ?? '')[0];
    await rig.slack.waitFor(boardOf, 20_000);
    const [first] = rig.slack.messages(OPS);
    if (first === undefined) throw new Error('there is no root message');
    rig.slack.workspace.deleteMessage(first);
    while ((await carryOut(rig, 3)) > 0);
    await rig.settled();
    const [root] = rig.slack.messages(OPS);
    expect(JSON.stringify(root)).toContain('Slack no longer had the first message of this run');
    expect(JSON.stringify(boardOf())).toContain('12');
    expect(boardOf()?.threadTs).toBe(root?.ts);
    expect((await rig.store.findRun(run.id))?.rootTs).toBe(root?.ts);
  }, 60_000);

  test('again and again is posted no more than twice', async () => {
    await using rig = await openAll();
    const run = await rig.begin({ hosts: 2, fanOut: 1 });
    rig.slack.order({ kind: 'error', method: 'chat.update', error: 'message_not_found', times: 1e6 });
    while ((await carryOut(rig, 1)) > 0);
    await rig.settled();
    for (let n = 0; n < 5; n += 1) {
      rig.sql(
        `update outbox set due_at = 1, version = version + 1 where key = 'root:${run.id}' and given_up_at is null`,
      );
      await rig.look();
      await rig.settled();
    }
    expect(rig.slack.messages(OPS).length).toBeLessThanOrEqual(3);
  }, 60_000);
});

test('what is said of a run that nobody can read names the reason and claims no waiting where none is', () => {
  const progress = { queued: 2, running: 0, settled: {} };
  const run = { unread: 'is_archived', progress } as Parameters<typeof describeClosed>[0];
  expect(describeClosed(run)).toContain('does not let the bot write in its channel (is_archived)');
  expect(describeClosed({ ...run, progress: { ...progress, queued: 0 } })).toBe('');
});

function directTo(slack: LocalSlack) {
  return slack.messages(slack.workspace.openDirectMessage(ANN, BOT).id);
}
