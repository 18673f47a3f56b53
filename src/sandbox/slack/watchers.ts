/** Who waits for a fact, and looks again whenever anything happened. */
export class Watchers {
  readonly #looks = new Set<() => void>();
  #isAwake = false;

  /** After what happened is wholly done, and once for many things at a time. */
  wake(): void {
    if (this.#isAwake) return;
    this.#isAwake = true;
    setImmediate(() => {
      this.#isAwake = false;
      for (const look of [...this.#looks]) look();
    });
  }

  waitFor<T>(
    find: () => T | undefined | null | false,
    timeoutMs: number,
    describeSeen: () => string,
  ): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const look = () => {
      try {
        const found = find();
        if (found !== undefined && found !== null && found !== false) resolve(found);
      } catch (error) {
        reject(error);
      }
    };
    // Made here, it tells which of the waits it was.
    const late = new Error();
    const timer = setTimeout(() => {
      late.message = `not within ${timeoutMs} ms; the last of what Slack saw: ${describeSeen()}`;
      reject(late);
    }, timeoutMs);
    this.#looks.add(look);
    look();
    return promise.finally(() => {
      clearTimeout(timer);
      this.#looks.delete(look);
    });
  }
}
