/** A number in [0, 1), the same ones for the same seed: what a scenario does by chance it does again. */
export type Random = () => number;

export function between(random: Random, least: number, most: number): number {
  return least + random() * (most - least);
}
