/** So many of a kind are told in full; a reader needs no more to know that the rest is not to be trusted. */
const MAX_TOLD = 500;

/** What a walk through the record found: `faults` say that somebody was at it, `notes` what it does not cover. */
export class Findings {
  readonly #faults = new Told();
  readonly #notes = new Told();

  fault(text: string): void {
    this.#faults.add(text);
  }

  note(text: string): void {
    this.#notes.add(text);
  }

  get faults(): readonly string[] {
    return this.#faults.list();
  }

  get notes(): readonly string[] {
    return this.#notes.list();
  }
}

class Told {
  readonly #first: string[] = [];
  #count = 0;

  add(text: string): void {
    if (++this.#count <= MAX_TOLD) this.#first.push(text);
  }

  list(): readonly string[] {
    const more = this.#count - this.#first.length;
    return more === 0 ? this.#first : [...this.#first, `and ${more} more like these`];
  }
}
