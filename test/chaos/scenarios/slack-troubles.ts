import { setTimeout as delay } from 'node:timers/promises';
import type { Fault } from '../../../src/sandbox/slack/faults.ts';
import { becomeQuiet } from '../judge/quiet.ts';
import { channelId } from '../world/names.ts';
import { between } from '../world/random.ts';
import type { World } from '../world/world.ts';
import { goesOn, type Scale, type Scenario } from './scenario.ts';

const FOR_EVER = Number.POSITIVE_INFINITY;

/** Commands on many and on few hosts, so that boards, files and replies all come about, in so many channels. */
async function askAll(world: World, scale: Scale, channels: number): Promise<void> {
  for (let round = 1; await goesOn(world, scale, round); round++) {
    const channel = channelId(round % channels);
    const many = world.ask({ hosts: world.hostCount - 7, channel });
    const few = world.ask({ hosts: 7, channel });
    await Promise.all([many.outcome, few.outcome]);
    if (round % 3 !== 1) continue;
    // Most of what is asked for has its thread by then, after some tries.
    await delay(between(world.random, 0, 6_000));
    world.crash();
    await world.restart();
  }
}

/** For so long as `work` takes, and a while after: what is retried meets it again. */
async function during(world: World, faults: readonly Fault[], work: () => Promise<void>): Promise<void> {
  const ordered = faults.map((fault) => world.slack.order(fault));
  await work();
  await becomeQuiet(world, 60_000);
  for (const handle of ordered) {
    world.note(`struck ${handle.struck} times`);
    handle.cancel();
  }
}

export const lostAnswers: Scenario = {
  name: 'lost-answers',
  about: 'Slack does what it is asked for, and its answer is lost: each third call of what writes',
  setUp: () => ({}),
  async run(world, scale) {
    await world.start();
    const methods = ['chat.postMessage', 'chat.update', 'files.completeUploadExternal'];
    const lost = methods.map((method): Fault => ({ method, kind: 'lost-answer', times: FOR_EVER, every: 3 }));
    const broken = methods.map(
      (method): Fault => ({ method, kind: 'server-error-after', times: FOR_EVER, every: 4 }),
    );
    await during(world, [...lost, ...broken], () => askAll(world, scale, 20));
  },
};

export const rateLimits: Scenario = {
  name: 'rate-limits',
  about: 'a storm of 429: each second call of any kind, in five channels',
  setUp: () => ({}),
  async run(world, scale) {
    await world.start();
    const storm: Fault = { kind: 'rate-limit', times: FOR_EVER, every: 2, retryAfterS: 1 };
    await during(world, [storm], () => askAll(world, scale, 5));
  },
};
