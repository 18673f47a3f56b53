import { stopTrouble } from '../trouble.ts';

/**
 * Lets at most `width` through at a time per place. OpenSSH drops connections at random from the tenth that
 * is not logged in yet (MaxStartups 10:30:100): of a burst of 50 to one address a third is lost.
 */
export class Gate {
  readonly #width: number;
  readonly #places = new Map<string, { inside: number; waiting: (() => void)[] }>();

  constructor(width: number) {
    this.#width = width;
  }

  /** Answers with what must be called on the way out, once. */
  async enter(place: string, signal: AbortSignal): Promise<() => void> {
    const at = this.#places.get(place) ?? { inside: 0, waiting: [] };
    this.#places.set(place, at);
    if (at.inside >= this.#width) await this.#turn(at.waiting, signal);
    else at.inside++;

    let isOut = false;
    return () => {
      if (isOut) return;
      isOut = true;
      // The place inside goes over to the next one in line.
      const next = at.waiting.shift();
      if (next) next();
      else if (--at.inside === 0) this.#places.delete(place);
    };
  }

  #turn(waiting: (() => void)[], signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const onTurn = () => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      };
      const onAbort = () => {
        const index = waiting.indexOf(onTurn);
        if (index >= 0) waiting.splice(index, 1);
        reject(stopTrouble(signal, 'before the command was sent'));
      };
      waiting.push(onTurn);
      signal.addEventListener('abort', onAbort, { once: true });
      if (signal.aborted) onAbort();
    });
  }
}
