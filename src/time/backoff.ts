/** Milliseconds to wait after a failure, which `before` others in a row came before: twice as long each time, up to `lastMs`. */
export function backoff(before: number, firstMs: number, lastMs: number): number {
  return Math.min(lastMs, firstMs * 2 ** before);
}
