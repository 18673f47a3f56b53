import { Refusal } from '../errors.ts';
import type { Approved } from '../policy/approved.ts';
import type { Plan } from '../run/plan.ts';

/** Asks policy again, at the time of execution: the rules and the inventory may have changed since the request. */
export type Approve = (runId: string) => Promise<Approved<Plan> | Refusal>;

/** Whoever does not answer at once may be back soon. */
const AGAIN_MS = 1_000;

export type Verdict = Approved<Plan> | Refusal | 'asking' | { readonly defect: unknown };

/** One question per run, answered for as long as the run has jobs here. */
export class Approvals {
  readonly #approve: Approve;
  readonly #onVerdict: () => void;
  readonly #verdicts = new Map<string, Verdict>();
  /** Of the rules that are in force: an answer by older ones is no answer. */
  #rules = 0;

  constructor(approve: Approve, onVerdict: () => void) {
    this.#approve = approve;
    this.#onVerdict = onVerdict;
  }

  /** Never waits: the first call asks, and `onVerdict` says when it is worth calling again. */
  verdictOn(runId: string): Verdict {
    const known = this.#verdicts.get(runId);
    if (known !== undefined) return known;
    this.#verdicts.set(runId, 'asking');
    const rules = this.#rules;
    const answered = (verdict: Verdict): void => {
      if (rules !== this.#rules) return;
      this.#verdicts.set(runId, verdict);
      this.#onVerdict();
    };
    this.#ask(runId).then(answered, (defect: unknown) => answered({ defect }));
    return 'asking';
  }

  /** The rules changed: every run is asked about anew, also where an answer is under way. */
  forget(): void {
    this.#rules += 1;
    this.#verdicts.clear();
  }

  /** There was no answer: it is asked anew in a moment. */
  askAgain(runId: string): void {
    this.#verdicts.set(runId, 'asking');
    const rules = this.#rules;
    setTimeout(() => {
      if (rules !== this.#rules) return;
      this.#verdicts.delete(runId);
      this.#onVerdict();
    }, AGAIN_MS).unref();
  }

  /** What is asked of these runs next is asked anew. */
  keepOnly(runIds: ReadonlySet<string>): void {
    for (const [runId, verdict] of this.#verdicts) {
      if (verdict !== 'asking' && !runIds.has(runId)) this.#verdicts.delete(runId);
    }
  }

  // Async, so that an `approve` that throws before it returns a promise is caught as well.
  async #ask(runId: string): Promise<Verdict> {
    try {
      return await this.#approve(runId);
    } catch (error) {
      if (error instanceof Refusal) return error;
      throw error;
    }
  }
}
