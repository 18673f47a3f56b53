import { StateOf } from './state.ts';

/**
 * - `working`: each round stores, takes and starts.
 * - `retrying`: the store failed so often in a row. The outcomes are kept here and each round tries again from
 *   where it failed, after 100 ms at first and 5 s at last: what cannot be recorded does not run.
 * - `stopping`: after `stop`. Rounds only store what ended; what has not started is let go.
 * - `stopped`: nothing is here any more, or nobody waits for it any longer.
 */
export type Phase =
  | { readonly kind: 'working' }
  | { readonly kind: 'retrying'; readonly failures: number }
  | { readonly kind: 'stopping'; readonly failures: number }
  | { readonly kind: 'stopped' };

const NEXT: Readonly<Record<Phase['kind'], readonly Phase['kind'][]>> = {
  working: ['working', 'retrying', 'stopping'],
  retrying: ['working', 'retrying', 'stopping'],
  stopping: ['stopping', 'stopped'],
  stopped: [],
};

/** What the dispatcher is at, held. */
export class Phases {
  readonly #phase = new StateOf<Phase>('the dispatcher', NEXT, { kind: 'working' });

  get kind(): Phase['kind'] {
    return this.#phase.now.kind;
  }

  /** Of the store, in a row, as of the last round. */
  get failures(): number {
    const phase = this.#phase.now;
    return phase.kind === 'retrying' || phase.kind === 'stopping' ? phase.failures : 0;
  }

  get isStopping(): boolean {
    return this.kind === 'stopping' || this.kind === 'stopped';
  }

  succeeded(): void {
    this.#afterRound(0);
  }

  failed(): void {
    this.#afterRound(this.failures + 1);
  }

  /** Twice is once. */
  stop(): void {
    if (this.kind !== 'stopped') this.#phase.become({ kind: 'stopping', failures: this.failures });
  }

  stopped(): void {
    if (this.kind !== 'stopped') this.#phase.become({ kind: 'stopped' });
  }

  #afterRound(failures: number): void {
    switch (this.kind) {
      case 'working':
      case 'retrying':
        this.#phase.become(failures === 0 ? { kind: 'working' } : { kind: 'retrying', failures });
        return;
      case 'stopping':
        this.#phase.become({ kind: 'stopping', failures });
        return;
      case 'stopped':
        // Whoever stopped did not wait for this round.
        return;
      default:
        this.kind satisfies never;
    }
  }
}
