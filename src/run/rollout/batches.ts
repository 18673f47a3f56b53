import type { Amount, Rollout } from '../../command/rollout/parse.ts';
import type { Plan } from '../plan.ts';

/** Hosts of a run that may start together; none of the next one does before the last of these has ended. */
export interface Batch {
  /** In the plan: from the first of its targets up to that before which it ends. Hosts that are skipped lie between. */
  readonly from: number;
  readonly before: number;
  readonly hosts: number;
  readonly isCanary: boolean;
}

const BATCHES = new WeakMap<Plan, readonly Batch[]>();

/** In order; one where the run has no rollout. Asked for at each outcome of a run: made once per plan. */
export function batchesOf(plan: Plan): readonly Batch[] {
  const known = BATCHES.get(plan);
  if (known !== undefined) return known;
  const going = plan.targets.flatMap(({ skip }, position) => (skip === undefined ? [position] : []));
  const batches: Batch[] = [];
  let hosts = 0;
  for (const size of batchSizes(going.length, plan.rollout ?? {})) {
    const isCanary = batches.length === 0 && plan.rollout?.canary !== undefined;
    const from = batches.at(-1)?.before ?? 0;
    hosts += size;
    batches.push({ from, before: going[hosts] ?? plan.targets.length, hosts: size, isCanary });
  }
  BATCHES.set(plan, batches);
  return batches;
}

/** The canary first, then the sizes as they were asked for, the last one again and again; they add up to all hosts. */
export function batchSizes(hosts: number, { canary, serial }: Rollout): readonly number[] {
  const sizes: number[] = [];
  let left = hosts;
  const take = (wanted: number): void => {
    const size = Math.min(wanted, left);
    if (size > 0) sizes.push(size);
    left -= size;
  };
  if (canary !== undefined) take(canary);
  for (let n = 0; left > 0; n++) {
    const size = serial?.[Math.min(n, serial.length - 1)];
    take(size === undefined ? left : sizeOf(size, hosts));
  }
  return sizes;
}

/** Of all hosts, also of those before: as many as fit whole, but at least one. */
function sizeOf(size: Amount, hosts: number): number {
  return Math.max(1, 'count' in size ? size.count : Math.floor((size.percent * hosts) / 100));
}

/** How many hosts the run goes to: all but those that are skipped from the start. */
export function countGoing({ targets }: Pick<Plan, 'targets'>): number {
  return targets.filter(({ skip }) => skip === undefined).length;
}

/** How many hosts may fail before nothing more starts; undefined where any number may. */
export function failuresAllowed(plan: Plan): number | undefined {
  const most = plan.rollout?.maxFail;
  if (most === undefined) return undefined;
  return 'count' in most ? most.count : Math.floor((most.percent * countGoing(plan)) / 100);
}
