import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { type Judgement, judge } from './judge/judge.ts';
import { becomeQuiet } from './judge/quiet.ts';
import { perform } from './perform.ts';
import { crashPoints } from './scenarios/crash-points.ts';
import type { Scenario } from './scenarios/scenario.ts';
import { sockets } from './scenarios/sockets.ts';
import { channelId } from './world/names.ts';
import { openWorld } from './world/open-world.ts';

const NOTHING_BROKEN = { ranTwice: [], lost: [], stuck: [], doubled: [], untrue: [], other: [] };

describe('nothing runs twice, is lost, stays undone or stands twice', () => {
  const short: readonly Scenario[] = [crashPoints, sockets];
  test.each(short)(
    '$name: $about',
    async (scenario) => {
      const performed = await perform(
        scenario,
        { jobs: 160, isShort: true },
        { store: 'sqlite', replicas: 1, seed: 1 },
      );
      expect(performed).toMatchObject(NOTHING_BROKEN);
      expect(performed.jobs).toBeGreaterThan(50);
    },
    90_000,
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
