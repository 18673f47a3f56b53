import type { Mask } from '../gather/mask.ts';
import type { Crew } from '../ports/crew.ts';
import { answering, askPart } from './asking.ts';

const TYPED = 'secrets-typed';
/** Whoever asked for a run waits for it, a form before Slack has an answer to it: then it is shown as it was typed. */
const PATIENCE_MS = 700;

/**
 * A bot that holds no secret of a host cannot hide one that somebody types: a worker says which of the words are
 * some, and from then on they are masked. The words lie in the store anyway until the run has ended.
 */
export function learnTyped(
  crew: Crew,
  learn: (secrets: readonly string[]) => void,
): (words: string) => Promise<void> {
  return async (words) => {
    if (words === '' || !crew.has('worker')) return;
    try {
      learn(await askPart<readonly string[]>(crew, 'worker', TYPED, words, PATIENCE_MS));
    } catch {
      // Nobody answers, or the store does not: the next step says so.
    }
  };
}

export function tellTyped(maskNow: () => Mask) {
  return {
    [TYPED]: answering<string>(async (words) => {
      const bytes = new TextEncoder().encode(words);
      const decoder = new TextDecoder();
      // Private keys the bot knows by itself.
      return maskNow()
        .spans(bytes, [])
        .flatMap(({ start, end }) => {
          const typed = decoder.decode(bytes.subarray(start, end));
          // A command line is typed with quotes that are escaped, and run without.
          return typed.includes('\\') ? [typed, typed.replaceAll('\\', '')] : [typed];
        });
    }),
  };
}
