import type { Leftovers } from '../../src/ports/hosts.ts';
import type { Leftover } from '../../src/run/leftover.ts';

export interface MemoryLeftovers extends Leftovers {
  /** What is known now, in the order it was noted. */
  readonly all: Leftover[];
}

/** As the store keeps them, without what it knows of jobs: every run but those named is over. */
export function memoryLeftovers(
  known: readonly Leftover[] = [],
  running: readonly string[] = [],
): MemoryLeftovers {
  const all = [...known];
  return {
    all,
    async note(leftover) {
      all.push(leftover);
    },
    async forget({ host, path }) {
      const at = all.findIndex((one) => one.host === host && one.path === path);
      if (at >= 0) all.splice(at, 1);
    },
    async list(host, runId) {
      return all.filter((one) => one.host === host && (one.runId === runId || !running.includes(one.runId)));
    },
  };
}
