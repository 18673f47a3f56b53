import type { Origins } from '../../src/ports/disk.ts';
import type { Origin } from '../../src/run/plan.ts';

/** As the store keeps them. */
export function memoryOrigins(): Origins {
  const all = new Map<string, Origin[]>();
  return {
    list: async (path) => all.get(path) ?? [],
    async claim(path, origin) {
      const known = all.get(path) ?? [];
      const other = known.find(({ by }) => by !== origin.by);
      if (other === undefined) all.set(path, [...known, origin]);
      return other;
    },
    async settle(path, origin) {
      all.set(path, [origin]);
    },
  };
}
