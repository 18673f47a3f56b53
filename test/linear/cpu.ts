/** CPU time of this thread alone: what the machine does besides does not count. */
export function cpuMs(work: () => unknown): number {
  const before = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1_000;
}

/**
 * What is linear takes a few ms for the first and some tens for the second; what is quadratic takes seconds for
 * the first, or (in a tight loop of the engine's own) for the second.
 */
export const FIRST = { chars: 32 * 1024, maxCpuMs: 250 } as const;
export const LARGE = { chars: 1024 * 1024, maxCpuMs: 3_000 } as const;

/** Exactly so many UTF-16 units of `pump`, between `before` and `after`. */
export function pumped({ before, pump, after }: Pump, chars: number): string {
  const room = chars - before.length - after.length;
  return before + pump.repeat(Math.ceil(room / pump.length)).slice(0, room) + after;
}

/** A text that is made as long as one likes. */
export interface Pump {
  readonly before: string;
  readonly pump: string;
  readonly after: string;
}

export function pump(text: string, before = '', after = ''): Pump {
  return { before, pump: text, after };
}
