import { setTimeout as delay } from 'node:timers/promises';
import type { World } from '../world/world.ts';

const LOOK_MS = 200;

/** Waits until nothing is left to do; in words what is, where that takes too long. */
export async function becomeQuiet(world: World, limitMs: number): Promise<string | undefined> {
  const until = performance.now() + limitMs;
  for (;;) {
    const left = await world.store.left();
    const isQuiet = left !== undefined && left.openRuns + left.dueRows + left.unanswered === 0;
    if (isQuiet) return undefined;
    if (performance.now() > until) {
      return left === undefined
        ? 'the store cannot be read'
        : `after ${limitMs / 1_000} s: ${left.openRuns} runs not finished, ${left.dueRows} messages due, ${left.unanswered} requests unanswered`;
    }
    await delay(LOOK_MS);
  }
}
