/** A number in [0, 1), the same ones for the same seed: what a scenario does by chance it does again. */
export type Random = () => number;

/** Mulberry32, https://github.com/bryc/code/blob/master/jshash/PRNGs.md: 32 bits of state are plenty here. */
export function openRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function between(random: Random, least: number, most: number): number {
  return least + random() * (most - least);
}
