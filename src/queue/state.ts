/** A state machine was asked for a step that it does not have: a fault of ours, never the world's. */
export class ImpossibleStep extends Error {
  override readonly name = 'ImpossibleStep';
}

/** One field that holds a state, and goes only where `next` says. */
export class StateOf<State extends { readonly kind: string }> {
  readonly #of: string;
  readonly #next: Readonly<Record<State['kind'], readonly State['kind'][]>>;
  #now: State;

  constructor(of: string, next: Readonly<Record<State['kind'], readonly State['kind'][]>>, first: State) {
    this.#of = of;
    this.#next = next;
    this.#now = first;
  }

  get now(): State {
    return this.#now;
  }

  become(state: State): void {
    const from: State['kind'] = this.#now.kind;
    if (!this.#next[from].includes(state.kind)) {
      throw new ImpossibleStep(`${this.#of} cannot go from ${from} to ${state.kind}`);
    }
    this.#now = state;
  }
}
