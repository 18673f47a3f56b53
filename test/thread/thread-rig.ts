import { createMask } from '../../src/gather/mask.ts';
import type { Host } from '../../src/inventory/inventory.ts';
import { threadFacts } from '../../src/lifecycle/thread-facts.ts';
import type { Store } from '../../src/ports/store.ts';
import type { ThreadFacts } from '../../src/thread/facts.ts';

/** The store, and the names of groups. No files, no rules. */
export function factsOf(store: Store, groups: Readonly<Record<string, readonly string[]>> = {}): ThreadFacts {
  const hostOf = (name: string): Host => ({
    name,
    ip: '10.0.0.1',
    port: 22,
    user: 'root',
    enabled: true,
    shell: 'posix',
  });
  const ground = {
    inventory: {
      hosts: new Map(),
      groups: new Map(
        Object.entries(groups).map(([name, hosts]) => [name, { name, hosts: hosts.map(hostOf), left: [] }]),
      ),
      secrets: [],
      warnings: [],
    },
    store,
    transfers: {
      digestSource: () => Promise.reject(new Error('there are no files here')),
      originsOf: async () => [],
      checkDestination: () => Promise.resolve(),
      read: () => Promise.resolve(null),
      keep: () => Promise.resolve(),
    },
    now: Date.now,
  };
  return threadFacts(ground, () => createMask([]));
}
