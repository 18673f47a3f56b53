import PQueue from 'p-queue';
import { within } from '../../time/within.ts';

/** Hosts that may refuse a credential in one run, while none has taken it, before it is offered to no more. */
const MOST_REFUSALS = 2;

/**
 * How long an offer without an answer keeps others waiting, in ms. PAM takes two seconds to say no. Where hosts
 * say nothing at all, twice as many are asked each time: their silence must not cost the others their login.
 */
const ANSWER_MS = 5_000;

/** Runs whose refusals are remembered; of an older one, two more hosts are asked. */
const MOST_RUNS = 1_000;

/** One credential under way to one host. The first word counts. */
export interface Trial {
  accepted(): void;
  refused(): void;
  /** The host was lost before it said anything. */
  dropped(): void;
}

/** The hosts that refused it, in the order in which they did. */
export interface TwiceRefused {
  readonly refusedBy: readonly string[];
}

/**
 * What became of each credential in each run. A wrong password on a fleet is one mistake and a locked account:
 * until a host has taken it, at most two hosts are asked at a time (more where hosts are silent), and after two
 * refusals none. Once one host has taken it, a refusal is that host's own affair.
 */
export class CredentialTrials {
  readonly #runs = new Map<string, Map<string, Credential>>();

  /**
   * To be asked right before the credential goes out, `credential` being the same for the same user and secret.
   * Waits while it is not known what others say to it.
   */
  begin(
    at: { readonly runId: string; readonly host: string; readonly credential: string },
    signal: AbortSignal,
  ): Promise<Trial | TwiceRefused> {
    return this.#find(at.runId, at.credential).begin(at.host, signal);
  }

  #find(runId: string, id: string): Credential {
    const run = this.#runs.get(runId) ?? new Map<string, Credential>();
    if (!this.#runs.has(runId)) {
      const [oldest] = this.#runs.keys();
      if (oldest !== undefined && this.#runs.size >= MOST_RUNS) this.#runs.delete(oldest);
      this.#runs.set(runId, run);
    }
    const credential = run.get(id) ?? new Credential();
    run.set(id, credential);
    return credential;
  }
}

class Credential {
  /** Offers that nobody has answered; as many as there may still be refusals. */
  readonly #unanswered = new PQueue({ concurrency: MOST_REFUSALS });
  readonly #refusedBy: string[] = [];
  #isAccepted = false;

  get #refusals(): TwiceRefused | undefined {
    if (this.#isAccepted || this.#refusedBy.length < MOST_REFUSALS) return undefined;
    return { refusedBy: this.#refusedBy };
  }

  async begin(host: string, signal: AbortSignal): Promise<Trial | TwiceRefused> {
    if (this.#isAccepted) return this.#open(host, () => {});
    const begun = Promise.withResolvers<Trial | TwiceRefused>();
    void this.#unanswered.add(() => {
      const refusals = this.#refusals;
      if (refusals !== undefined) return begun.resolve(refusals);
      const answer = Promise.withResolvers<void>();
      begun.resolve(this.#open(host, answer.resolve));
      const late = () => {
        this.#unanswered.concurrency *= 2;
      };
      return within(answer.promise, { ms: ANSWER_MS, late, signal, stopped: () => {} });
    });
    return begun.promise;
  }

  #open(host: string, answered: () => void): Trial {
    let isOver = false;
    const end = (what: () => void) => () => {
      if (isOver) return;
      isOver = true;
      what();
      answered();
    };
    return {
      accepted: end(() => {
        this.#isAccepted = true;
        this.#unanswered.concurrency = Number.POSITIVE_INFINITY;
      }),
      refused: end(() => {
        this.#refusedBy.push(host);
        if (!this.#isAccepted)
          this.#unanswered.concurrency = Math.max(1, MOST_REFUSALS - this.#refusedBy.length);
      }),
      dropped: end(() => {}),
    };
  }
}
