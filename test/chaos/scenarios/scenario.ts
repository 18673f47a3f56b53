import { KEPT_MS, LEASE_MS } from '../../../src/time/lease.ts';
import type { StoreKind, World, WorldOptions } from '../world/world.ts';

export interface Scale {
  /** So many at least, where it is not the short form. */
  readonly jobs: number;
  readonly isShort: boolean;
}

/** One kind of trouble. What has to hold afterwards is the same for all of them: `world/judge.ts`. */
export interface Scenario {
  readonly name: string;
  readonly about: string;
  /** Why it cannot be had here; undefined where it can. */
  readonly lacks?: () => string | undefined;
  /** The only store on which it can come about; undefined where it can on each. */
  readonly only?: StoreKind;
  /** False where nothing that runs may become unknown. */
  readonly loses?: false;
  readonly setUp: (store: StoreKind) => Pick<WorldOptions, 'env' | 'slack' | 'setsClock' | 'serverKib'>;
  /** Leaves the bot running, with nothing in its way any more. */
  readonly run: (world: World, scale: Scale) => Promise<void>;
}

/** Of one of several that stands still or is cut off for so long, the hosts are with others by then. */
export const PAST_KEPT_MS = LEASE_MS + KEPT_MS + 4_000;
/** Longer than that: whoever forgets to end it has two at once on its host. */
export const LONGER_THAN_KEPT = '60-70';

/** How often a command on all hosts makes up the jobs that were asked for. */
export function roundsOf(world: World, { jobs, isShort }: Scale): number {
  return isShort ? 3 : Math.ceil(jobs / world.hostCount);
}

/** Two commands a round, each in a channel of its own. */
const MAX_ROUNDS = 39;

/** The same, where of some commands no run comes about: until the store has as many jobs as were asked for. */
export async function goesOn(world: World, scale: Scale, round: number): Promise<boolean> {
  if (round <= roundsOf(world, scale)) return true;
  return !scale.isShort && round <= MAX_ROUNDS && (await world.store.jobs()).length < scale.jobs;
}
