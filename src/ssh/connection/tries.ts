import { delay } from '../../time/delay.ts';
import { Trouble } from '../trouble.ts';

/** Tries that a host hung up on for the sake of others, and that do not count as its own. */
const MOST_CROWDED = 10;

/** The longest that is waited after one of these: so many times the delay. */
const MOST_DELAYS = 4;

export interface Tries {
  /** Before each further try at a connection that fell over before it was used. */
  readonly delaysMs: readonly number[];
  readonly signal: AbortSignal;
  onAgain(trouble: Trouble): void;
}

/**
 * Does it once more after a `Trouble` that `isPassing`, as many times as there are delays; it must have done nothing
 * then. What the last try threw is thrown on. `turnedAway`: how many tries were for the sake of others.
 */
export async function tryAgain<T>(
  attempt: (turnedAway: number) => Promise<T>,
  { delaysMs, signal, onAgain }: Tries,
): Promise<T> {
  for (let tries = 0, turnedAway = 0; ; ) {
    try {
      return await attempt(turnedAway);
    } catch (error) {
      if (!(error instanceof Trouble) || !error.isPassing) throw error;
      const delayMs = delaysMs[tries];
      if (delayMs === undefined) throw error;
      const isForOthers = error.wasCrowded && turnedAway < MOST_CROWDED;
      if (isForOthers) turnedAway += 1;
      else tries += 1;
      onAgain(error);
      const longer = isForOthers ? Math.min(turnedAway, MOST_DELAYS) : 1;
      // Half to one and a half: those who fell together do not come back together.
      await delay(delayMs * longer * (0.5 + Math.random()), signal);
    }
  }
}
