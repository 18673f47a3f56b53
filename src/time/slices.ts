import { breathe } from './breathe.ts';

/** Work that may stop at each `yield`, and comes to something. */
export type Sliced<T> = Generator<void, T>;

/** Others wait no longer than this, and the piece that ends it. */
const SLICE_MS = 5;

/**
 * Does the work bit by bit, and lets others through in between: also before it begins in earnest, as many short works
 * one after the other are a long one. One at a time: two at once make slices twice as long.
 */
export async function inSlices<T>(work: Sliced<T>): Promise<T> {
  let until = Number.NEGATIVE_INFINITY;
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
    if (performance.now() < until) continue;
    await breathe();
    until = performance.now() + SLICE_MS;
  }
}

/** Does all of it now. */
export function atOnce<T>(work: Sliced<T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
  }
}
