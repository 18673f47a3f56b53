import type { FileMark, Origins } from '../../src/ports/disk.ts';
import type { Origin } from '../../src/run/plan.ts';

/** As the store keeps them. */
export function memoryOrigins(): Origins {
  const all = new Map<string, Origin[]>();
  const files = new Map<string, FileMark>();
  return {
    list: async (path) => all.get(path) ?? [],
    async claim(path, origin) {
      const known = all.get(path) ?? [];
      const other = known.find(({ by }) => by !== origin.by);
      if (other === undefined) all.set(path, [...known, origin]);
      return other;
    },
    async settle(path, origin, file) {
      all.set(path, [origin]);
      files.set(path, file);
    },
    async isAsPut(path, { bytes, changedAt }) {
      const put = files.get(path);
      return put?.bytes === bytes && put.changedAt === changedAt;
    },
  };
}
