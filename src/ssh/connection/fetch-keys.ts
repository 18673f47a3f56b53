import type { Duplex } from 'node:stream';
import type { Host } from '../../inventory/inventory.ts';
import { keyType } from '../host-keys/known-hosts.ts';
import { HOST_KEY_TYPES } from '../login/algorithms.ts';
import { fetchKey } from '../login/fetch-key.ts';
import type { Deadlines } from '../settings.ts';
import { Trouble } from '../trouble.ts';

export interface FetchedKeys {
  readonly keys: readonly Buffer[];
  /** Types that the host says it has, and did not show. */
  readonly untold: readonly string[];
}

/**
 * All keys of a host. It shows one in an exchange, so each type that it says it has is asked for by itself; first
 * the `known` ones. A `Trouble` where it shows none.
 */
export async function fetchKeys(
  host: Host,
  known: readonly string[],
  reach: () => Promise<Duplex>,
  deadlines: Deadlines,
  signal: AbortSignal,
): Promise<FetchedKeys> {
  const first = await fetchKey(host, await reach(), { types: known, isOnly: false }, deadlines, signal);
  const keys = [first.key];
  const untold: string[] = [];
  for (const type of HOST_KEY_TYPES) {
    if (type === keyType(first.key) || !first.types.includes(type)) continue;
    try {
      const only = { types: [type], isOnly: true };
      keys.push((await fetchKey(host, await reach(), only, deadlines, signal)).key);
    } catch (error) {
      if (!(error instanceof Trouble) || signal.aborted) throw error;
      untold.push(type);
    }
  }
  return { keys, untold };
}
