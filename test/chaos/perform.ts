import { loadavg } from 'node:os';
import { type Judgement, judge } from './judge/judge.ts';
import { becomeQuiet } from './judge/quiet.ts';
import type { Scale, Scenario } from './scenarios/scenario.ts';
import { openWorld } from './world/open-world.ts';
import type { StoreKind } from './world/world.ts';

export interface Performed extends Judgement {
  readonly scenario: Scenario;
  readonly store: string;
  readonly seconds: number;
  /** From each start of the one process to the first message that said `interrupted`. */
  readonly interruptedMs: readonly number[];
  readonly kills: number;
  /** Of the machine, over the last minute as it ended. */
  readonly load: number;
}

/** What the bot is given. */
export interface Setting {
  readonly store: StoreKind;
  /** How many there are of it, on a server. */
  readonly replicas: number;
  readonly seed: number;
}

const HOSTS = 200;
const QUIET_MS = 120_000;

/** One scenario from an empty database to the verdict. `say` hears what it is at. */
export async function perform(
  scenario: Scenario,
  scale: Scale,
  setting: Setting,
  say: (line: string) => void = () => {},
): Promise<Performed> {
  const since = performance.now();
  await using world = await openWorld({
    hosts: scale.isShort ? 40 : HOSTS,
    say,
    ...setting,
    ...scenario.setUp(setting.store),
  });
  // What does not come about may be the very fault that is looked for: judged all the same.
  const failed = await scenario.run(world, scale).then(
    () => [],
    (error: unknown) => [error instanceof Error ? error.message : String(error)],
  );
  for (const line of failed) say(line);
  const stuck = await becomeQuiet(world, scale.isShort ? QUIET_MS / 4 : QUIET_MS);
  const other = (
    await Promise.all(
      world.replicas.map(async ({ name, bot }) => {
        const ended = await bot.stop();
        return ended === 0 ? [] : [`${name} ended with ${ended}: ${bot.output().slice(-1_000)}`];
      }),
    )
  ).flat();
  const judgement = await judge(world, stuck, scenario.loses ?? true);
  // Nothing can go wrong with what never came about.
  const few =
    scale.isShort || judgement.jobs >= scale.jobs / 2 ? [] : [`only ${judgement.jobs} jobs came about`];
  return {
    ...judgement,
    other: [...failed, ...few, ...judgement.other, ...other],
    scenario,
    store: world.isShared ? `${world.store.name}, ${world.replicas.length} processes` : world.store.name,
    seconds: (performance.now() - since) / 1_000,
    interruptedMs: world.interruptedMs,
    kills: world.kills,
    load: loadavg()[0] ?? Number.NaN,
  };
}
