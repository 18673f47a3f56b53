import type { Order } from '../../command/rollout/parse.ts';

/** The same items in the order that was asked for. `seed`: the same one gives the same chance. */
export function putInOrder<T extends { readonly name: string }>(
  items: readonly T[],
  order: Order,
  seed: number,
): readonly T[] {
  switch (order) {
    case 'inventory':
      return items;
    case 'sorted':
      return items.toSorted((a, b) => BY_NAME.compare(a.name, b.name));
    case 'reverse':
      return items.toReversed();
    case 'random':
      return shuffle(items, seed);
    default:
      return order satisfies never;
  }
}

/** `web2` before `web10`, the same on every machine. */
const BY_NAME = new Intl.Collator('en', { numeric: true });

/** Fisher and Yates. */
function shuffle<T>(items: readonly T[], seed: number): readonly T[] {
  const next = randomOf(seed);
  const rest = [...items];
  const shuffled: T[] = [];
  while (rest.length > 0) {
    const at = Math.floor(next() * rest.length);
    const last = rest.pop();
    const one = at === rest.length ? last : rest[at];
    if (one === undefined || last === undefined) break;
    if (at < rest.length) rest[at] = last;
    shuffled.push(one);
  }
  return shuffled;
}

/** Numbers from 0 up to 1 out of a seed, as Tommy Ettinger's mulberry32 makes them: for an order, for no secret. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One that nobody has seen. */
export function newSeed(): number {
  return Math.floor(Math.random() * 2 ** 32);
}
