import { type Judgement, judge } from './judge/judge.ts';
import { becomeQuiet } from './judge/quiet.ts';
import type { Scale, Scenario } from './scenarios/scenario.ts';
import { openWorld } from './world/open-world.ts';

export interface Performed extends Judgement {
  readonly scenario: Scenario;
  readonly store: string;
  readonly seconds: number;
  /** From each start to the first message that said `interrupted`. */
  readonly interruptedMs: readonly number[];
  readonly kills: number;
}

const HOSTS = 200;
const QUIET_MS = 120_000;

/** One scenario from an empty database to the verdict. `say` hears what it is at. */
export async function perform(
  scenario: Scenario,
  scale: Scale & { readonly seed: number },
  say: (line: string) => void = () => {},
): Promise<Performed> {
  const since = performance.now();
  await using world = await openWorld({
    hosts: scale.isShort ? 40 : HOSTS,
    seed: scale.seed,
    say,
    ...scenario.setUp(scale),
  });
  // What does not come about may be the very fault that is looked for: judged all the same.
  const failed = await scenario.run(world, scale).then(
    () => [],
    (error: unknown) => [error instanceof Error ? error.message : String(error)],
  );
  for (const line of failed) say(line);
  const stuck = await becomeQuiet(world, scale.isShort ? QUIET_MS / 4 : QUIET_MS);
  const ended = await world.bot.stop();
  const judgement = await judge(world, stuck);
  const other = ended === 0 ? [] : [`the bot ended with ${ended}: ${world.bot.output().slice(-1_000)}`];
  return {
    ...judgement,
    other: [...failed, ...judgement.other, ...other],
    scenario,
    store: world.store.name,
    seconds: (performance.now() - since) / 1_000,
    interruptedMs: world.interruptedMs,
    kills: world.kills,
  };
}
