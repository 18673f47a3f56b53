import { expect, test } from 'vitest';
import { Presence } from '../../src/lifecycle/presence.ts';
import { type Beat, measureAway } from '../../src/time/beat.ts';
import { openRig, openRun, quiet, type StoreRig } from '../store/rig.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

interface Stage extends AsyncDisposable {
  readonly rig: StoreRig;
  now: Beat;
  trouble: string | null;
  readonly presence: Presence;
  held(): Promise<string | undefined>;
}

/** A run that waits, and a bot that was last well `before` the present moment. */
async function openStage(before: Partial<Beat> = {}): Promise<Stage> {
  const rig = await openRig();
  const run = await openRun(rig.store);
  const now: Beat = { at: 1_000 * HOUR, boot: 'one', uptimeMs: 50 * HOUR };
  await rig.store.beat({ ...now, ...before });
  const stage = { now, trouble: null as string | null };
  const presence = await Presence.open({
    store: rig.store,
    read: () => stage.now,
    trouble: async () => stage.trouble,
    resumeWithinMs: 10 * MINUTE,
    log: quiet,
  });
  return Object.assign(stage, {
    rig,
    presence,
    held: async () => (await rig.store.findRun(run.id))?.held,
    async [Symbol.asyncDispose]() {
      await presence.close();
      await rig[Symbol.asyncDispose]();
    },
  });
}

const later = (beat: Beat, ms: number): Beat => ({ ...beat, at: beat.at + ms, uptimeMs: beat.uptimeMs + ms });

test.each([
  ['a short while', { at: 1_000 * HOUR - 9 * MINUTE, uptimeMs: 50 * HOUR - 9 * MINUTE }, undefined],
  [
    'a long while',
    { at: 1_000 * HOUR - 25 * MINUTE, uptimeMs: 50 * HOUR - 25 * MINUTE },
    'the bot was away for 25 min',
  ],
  [
    'a short while in which the clock was set on by an hour',
    { at: 999 * HOUR, uptimeMs: 50 * HOUR - MINUTE },
    undefined,
  ],
  [
    'a short while in which the clock was set back by an hour',
    { at: 1_001 * HOUR, uptimeMs: 50 * HOUR - MINUTE },
    undefined,
  ],
  [
    'a long while in which the clock was set back by as much',
    { at: 1_000 * HOUR, uptimeMs: 49 * HOUR },
    'the bot was away for 1 h',
  ],
  [
    'a short while over a start of the machine',
    { at: 1_000 * HOUR - MINUTE, boot: 'zero', uptimeMs: 9 * HOUR },
    undefined,
  ],
  [
    'a long while over a start of the machine',
    { at: 999 * HOUR, boot: 'zero', uptimeMs: 9 * HOUR },
    'the bot was away for 1 h',
  ],
  [
    'nobody knows how long: the clock of a machine that was started anew is behind',
    { at: 1_001 * HOUR, boot: 'zero', uptimeMs: 9 * HOUR },
    'the bot was away, and the clocks do not tell how long',
  ],
])('after %s, what waited is held only where it was long, or nobody can tell', async (_, before, held) => {
  await using stage = await openStage(before);
  expect(await stage.held()).toBe(held);
  expect(await stage.rig.store.jobs.take(10)).toHaveLength(held === undefined ? 3 : 0);
});

test('a clock that jumps an hour forth and back while the bot is there holds nothing', async () => {
  await using stage = await openStage();
  for (const jump of [HOUR, -2 * HOUR, HOUR]) {
    stage.now = { ...later(stage.now, MINUTE), at: stage.now.at + jump };
    await stage.presence.check();
    expect(await stage.held()).toBeUndefined();
  }
});

test('who stood still holds what waits before anything starts', async () => {
  await using stage = await openStage();
  const taken = await stage.rig.store.jobs.take(1);
  stage.now = later(stage.now, 11 * MINUTE);
  await stage.presence.check();
  expect(await stage.held()).toBe('the bot stood still for 11 min');
  expect(await stage.rig.store.jobs.start(taken)).toEqual([]);
});

test('who is blind for long holds once; what is asked for or let go afterwards runs', async () => {
  await using stage = await openStage();
  stage.trouble = 'Slack is not connected';
  for (let minute = 0; minute < 10; minute += 1) {
    stage.now = later(stage.now, MINUTE);
    await stage.presence.check();
    expect(await stage.held()).toBeUndefined();
  }
  stage.now = later(stage.now, MINUTE);
  await stage.presence.check();
  expect(await stage.held()).toBe('the bot was cut off (Slack is not connected) for 11 min');
  const later_ = await openRun(stage.rig.store);
  stage.now = later(stage.now, MINUTE);
  stage.trouble = null;
  await stage.presence.check();
  expect((await stage.rig.store.findRun(later_.id))?.held).toBeUndefined();
});

test('the clock that nobody can set decides where it is the same, else the wall clock', () => {
  const from = { at: 5, boot: 'one', uptimeMs: 7 };
  expect(measureAway(from, { at: 1, boot: 'one', uptimeMs: 9 })).toBe(2);
  expect(measureAway(from, { at: 9, boot: 'two', uptimeMs: 1 })).toBe(4);
  expect(measureAway(from, { at: 1, boot: 'two', uptimeMs: 9 })).toBeUndefined();
  expect(measureAway({ ...from, boot: '' }, { at: 1, boot: '', uptimeMs: 9 })).toBeUndefined();
});
