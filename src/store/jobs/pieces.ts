/** SQLite calls stop the process for as long as they take; so many rows at once are a few milliseconds. */
export const ROWS_AT_ONCE = 500;

export function* inChunks<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let start = 0; start < items.length; start += ROWS_AT_ONCE) {
    yield items.slice(start, start + ROWS_AT_ONCE);
  }
}
