import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import type { HostEvent } from '../rigs/simulated/hosts.ts';
import { type Judgement, judge } from './judge/judge.ts';
import { findOverlaps } from './judge/overlaps.ts';
import { becomeQuiet } from './judge/quiet.ts';
import { judgeUnknown } from './judge/unknown.ts';
import { perform } from './perform.ts';
import { crashPoints } from './scenarios/crash-points.ts';
import type { Scenario } from './scenarios/scenario.ts';
import { sockets } from './scenarios/sockets.ts';
import { addressOf, channelId } from './world/names.ts';
import { openWorld } from './world/open-world.ts';
import type { StoreKind } from './world/world.ts';

const NOTHING_BROKEN = {
  ranTwice: [],
  lost: [],
  stuck: [],
  doubled: [],
  untrue: [],
  overlapped: [],
  unknown: [],
  other: [],
};

describe('nothing runs twice, is lost, stays undone or stands twice', () => {
  const short: readonly { readonly store: StoreKind; readonly scenario: Scenario }[] = [
    { store: 'sqlite', scenario: crashPoints },
    { store: 'sqlite', scenario: sockets },
  ];
  test.each(short)(
    'on $store, $scenario.name: $scenario.about',
    async ({ store, scenario }) => {
      const performed = await perform(
        scenario,
        { jobs: 160, isShort: true },
        { store, replicas: 2, seed: 1 },
      );
      expect(performed).toMatchObject(NOTHING_BROKEN);
      expect(performed.jobs).toBeGreaterThan(50);
    },
    120_000,
  );
});

test('what is broken is found: each kind of it, made by hand', async () => {
  await using world = await openWorld({ hosts: 15, seed: 1 });
  await world.start();
  const [many, few, gone] = [world.ask({ hosts: 15 }), world.ask({ hosts: 3 }), world.ask({ hosts: 2 })];
  await Promise.all([many.outcome, few.outcome, gone.outcome]);
  expect(await becomeQuiet(world, 30_000)).toBeUndefined();
  await world.replicas[0].bot.stop();
  expect(await judge(world, undefined, true)).toMatchObject(NOTHING_BROKEN);

  const { workspace } = world.slack;
  const [reply] = world.slack.thread(channelId(1), world.rootOf(few)?.ts ?? '');
  const root = world.rootOf(many);
  if (reply === undefined || root === undefined) throw new Error('no thread');
  workspace.addMessage(root);
  workspace.deleteMessage(reply);
  using database = new DatabaseSync(world.replicas[0].home.path('data/batchops.db'));
  // A row without its owner is among what may be found.
  database.exec('pragma foreign_keys = off');
  database.exec(`update job set kind = 'skipped' where host = 'h0007';
    update job set state = 'queued', kind = null where host = 'h0008';
    delete from result where job_id in (select job.id from job join run on run.id = run_id where channel_id = '${channelId(2)}');
    delete from job where run_id in (select id from run where channel_id = '${channelId(2)}')`);
  const found: Judgement = await judge(world, 'something is due', true);
  expect(found).toMatchObject({
    stuck: ['something is due'],
    doubled: [expect.stringMatching(/^message .* stands 2 times$/)],
    lost: expect.arrayContaining([
      expect.stringMatching(/t0 on h0008 is queued/),
      't2 was acked, and nobody was told more',
    ]),
    untrue: expect.arrayContaining([
      't0 on h0007 is skipped, and began there',
      expect.stringMatching(/^t1 on h000\d \(ok\) is not to be read in its thread$/),
      'the message of t0 says 15 ok, the store 13',
    ]),
    other: [expect.stringMatching(/^audit verify ended with 1/)],
  });
}, 60_000);

describe('what the hosts of several processes have on record', () => {
  const event = (what: HostEvent['what'], host: string, tag: string, by: string, at: number): HostEvent => ({
    what,
    ip: addressOf(host),
    tag,
    by,
    at,
  });
  const seen = (
    events: readonly HostEvent[],
    goneAt: readonly number[] = [],
    absences: readonly { readonly from: number; readonly until: number }[] = [],
    stoodStill: readonly { readonly from: number; readonly until: number }[] = [],
  ) => ({
    isShared: true,
    hosts: { events },
    absences,
    replicas: [
      { key: 'one', goneAt, troubledAt: [], stoodStill, clocksMs: [0] },
      { key: 'two', goneAt: [], troubledAt: [], stoodStill: [], clocksMs: [0, 3_600_000] },
    ],
  });

  test('two commands at once on a host are found, also where the first one belonged to a process that was cut off; but not while one stood still for longer than its hosts are kept, nor before it could end them', () => {
    const [first, second] = [
      event('began', 'h0001', 't0', 'one', 1_000),
      event('began', 'h0001', 't1', 'two', 30_000),
    ];
    const found = [expect.stringMatching(/^t1 began .* while t0 went on there$/)];
    const still = (from: number, until: number) =>
      findOverlaps(seen([first, second], [], [], [{ from, until }]));
    expect(findOverlaps(seen([first, second]))).toEqual(found);
    expect(findOverlaps(seen([first, second], [1_500]))).toEqual(found);
    expect(still(1_500, 40_000)).toEqual([]);
    expect(still(1_500, 20_000)).toEqual([]);
    // It has had the time to end it.
    expect(still(1_500, 5_000)).toEqual(found);
    // So soon its hosts are nobody else's.
    expect(still(12_000, 40_000)).toEqual(found);
    expect(findOverlaps(seen([first, event('ended', 'h0001', 't0', 'one', 1_900), second]))).toEqual([]);
  });

  test('what is unknown for no reason, or for longer than 15 s, is found', () => {
    const began = [event('began', 'h0001', 't0', 'one', 1_000)];
    const job = {
      run: 'r-1',
      tag: 't0',
      host: 'h0001',
      state: 'settled',
      kind: 'interrupted',
      hasResult: true,
      held: null,
    };
    const at = (endedAt: number, world = seen(began, [2_000]), mayLose = true) =>
      judgeUnknown(world, [{ ...job, endedAt }], mayLose);
    expect(at(14_000)).toEqual({ unknown: [], noticedMs: [12_000] });
    // By the clock of whoever found it.
    expect(at(14_000 + 3_600_000)).toEqual({ unknown: [], noticedMs: [12_000] });
    expect(at(18_000 + 3_600_000).unknown).toHaveLength(1);
    expect(at(18_000).unknown).toEqual(['t0 on h0001 is interrupted, 16.0 s after its process was gone']);
    // All of them were gone: it is counted from when one is back.
    expect(at(18_000, seen(began, [2_000], [{ from: 2_000, until: 9_000 }]))).toMatchObject({ unknown: [] });
    expect(at(25_000, seen(began, [2_000], [{ from: 2_000, until: 9_000 }])).unknown).toHaveLength(1);
    expect(at(14_000, seen(began)).unknown).toEqual(['t0 on h0001 is interrupted, for no reason']);
    expect(at(14_000, seen(began, [2_000]), false).unknown).toHaveLength(1);
  });
});
