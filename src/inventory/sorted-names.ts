/** The names of an inventory never change, so they are put in order once. */
const inOrder = new WeakMap<ReadonlyMap<string, unknown>, readonly string[]>();

export function sortedNames(known: ReadonlyMap<string, unknown>): readonly string[] {
  const names = inOrder.get(known) ?? Array.from(known.keys()).toSorted(byCodeUnit);
  inOrder.set(known, names);
  return names;
}

function byCodeUnit(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Where in the sorted list the first name stands that is not before this one. */
export function placeOf(name: string, sorted: readonly string[]): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? '') < name) low = middle + 1;
    else high = middle;
  }
  return low;
}
