/**
 * One press of a question after the other. What the first comes to is in the store only when it has come to something:
 * whoever presses twice would be told meanwhile that nothing came of it, and send it again.
 */
export class Turns {
  /** Of each question, the end of the press that came last; gone with it. */
  readonly #last = new Map<string, Promise<void>>();

  async take<T>(question: string, press: () => Promise<T>): Promise<T> {
    const before = this.#last.get(question);
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    this.#last.set(question, ended);
    try {
      await before;
      return await press();
    } finally {
      end();
      if (this.#last.get(question) === ended) this.#last.delete(question);
    }
  }
}
