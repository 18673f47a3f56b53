import type { RequestedRollout } from '../../command/rollout/parse.ts';
import type { Host } from '../../inventory/inventory.ts';
import type { Picked } from '../plan.ts';
import { putInOrder } from './order.ts';

export interface Chosen {
  readonly hosts: readonly [Host, ...Host[]];
  /** Left out where all of them are. */
  readonly picked?: Picked;
}

/**
 * Of the hosts that the words stand for, those that the run is for, in its order. Picked are the first ones that are
 * not disabled; of those that are, nothing would be learnt.
 */
export function chooseHosts(
  hosts: readonly [Host, ...Host[]],
  { order = 'inventory', pick }: RequestedRollout,
  seed: number,
): Chosen {
  const [first, ...rest] = putInOrder(hosts, order, seed);
  if (first === undefined) return { hosts };
  const all = [first, ...rest] as const;
  if (pick === undefined) return { hosts: all };
  const enabled = all.filter((host) => host.enabled);
  const [some, ...others] = (enabled.length === 0 ? all : enabled).slice(0, pick);
  if (some === undefined) return { hosts: all };
  return { hosts: [some, ...others], picked: { of: all.length, disabled: all.length - enabled.length } };
}
