import type { Host } from '../../src/inventory/inventory.ts';
import type { Ground } from '../../src/lifecycle/execution.ts';
import type { Store } from '../../src/ports.ts';

/** What a renderer needs: the store, and the names of groups. No files, no rules. */
export function groundOf(store: Store, groups: Readonly<Record<string, readonly string[]>> = {}): Ground {
  const hostOf = (name: string): Host => ({
    name,
    ip: '10.0.0.1',
    port: 22,
    user: 'root',
    enabled: true,
    shell: 'posix',
  });
  return {
    inventory: {
      hosts: new Map(),
      groups: new Map(
        Object.entries(groups).map(([name, hosts]) => [name, { name, hosts: hosts.map(hostOf), left: [] }]),
      ),
      secrets: [],
      warnings: [],
    },
    allowlist: { rules: [] },
    store,
    transfers: {
      digestSource: () => Promise.reject(new Error('there are no files here')),
      checkDestination: () => Promise.resolve(),
      read: () => Promise.resolve(null),
      keep: () => Promise.resolve(),
    },
    now: Date.now,
  };
}
