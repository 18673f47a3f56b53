/** Does it for each, so many at a time. The first failure is the answer, once all that had begun has ended. */
export async function atOnce<T>(
  items: Iterable<T>,
  most: number,
  act: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = items[Symbol.iterator]();
  let failure: { readonly error: unknown } | undefined;
  const work = async (): Promise<void> => {
    for (let next = waiting.next(); next.done !== true && failure === undefined; next = waiting.next()) {
      try {
        await act(next.value);
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: most }, work));
  if (failure !== undefined) throw failure.error;
}
