import type { Expiry, Keeping } from '../ports/records.ts';
import { delay } from '../time/delay.ts';

/** Others get their turn between two steps. */
const PAUSE_MS = 20;

/** Removes what is not to be kept any more, step by step, while the bot is `isOpen`. Tells how many steps it took. */
export async function expireRecords(expiry: Expiry, keep: Keeping, isOpen: () => boolean): Promise<number> {
  let steps = 0;
  while (isOpen() && (await expiry.step(keep))) {
    steps += 1;
    await delay(PAUSE_MS);
  }
  return steps;
}
