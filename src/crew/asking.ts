import { NotKnownNow, Refusal, type RefusalCode } from '../errors.ts';
import type { Crew, Member, Role } from '../ports/crew.ts';

interface Refused {
  readonly code: RefusalCode;
  readonly message: string;
  readonly remedy: string | undefined;
}
type Answered = { readonly value: unknown } | { readonly refused: Refused };

/** Asks another part, and is refused as it is; also where nobody is there, or the store is not to be reached. */
export async function askPart<T>(
  crew: Pick<Crew, 'ask'>,
  of: Role | Member,
  what: string,
  words: unknown,
  limitMs: number,
): Promise<T> {
  const part = typeof of === 'string' ? of : of.role;
  let said: string | undefined;
  try {
    said = await crew.ask(of, what, JSON.stringify(words), limitMs);
  } catch {
    throw new NotKnownNow(`The ${part} part could not be asked: the database does not answer.`);
  }
  if (said === undefined) {
    const remedy = `Start a process with BATCHOPS_ROLE=${part}, or look at its /readyz.`;
    throw new NotKnownNow(`No ${part} answers; nothing was done.`, remedy);
  }
  const answered = JSON.parse(said) as Answered;
  if ('value' in answered) return answered.value as T;
  const { code, message, remedy } = answered.refused;
  throw new Refusal(code, message, remedy === undefined ? {} : { remedy });
}

/** How what is asked so is answered. What is no `Refusal` is a defect, and for the log. */
export function answering<W>(work: (words: W) => Promise<unknown>): (words: string) => Promise<string> {
  return async (words) => {
    let answered: Answered;
    try {
      answered = { value: (await work(JSON.parse(words) as W)) ?? null };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const { code, message, remedy } = error;
      answered = { refused: { code, message, remedy } };
    }
    return JSON.stringify(answered);
  };
}
