/** Faults that tests order: what the network and Slack do on a bad day. */

export interface Fault {
  /** Which method, or `response_url` (always an `error`); all of them where left out. For a `ghost`, which kind of delivery. */
  readonly method?: string;
  /** Only calls about this channel: what Slack has against one place, until the fault is cancelled. */
  readonly channel?: string;
  /**
   * - `lost-answer`: the work is done, the connection dies before the answer
   * - `lost-call`: the connection dies before anything is done
   * - `server-error`: HTTP 500, nothing done
   * - `server-error-after`: the work is done, the answer is HTTP 500
   * - `rate-limit`: HTTP 429 with `Retry-After`, whatever the real pace
   * - `slow`: the answer waits `delayMs` after the work is done
   * - `error`: `ok: false` with `error`, nothing done
   * - `ghost`: a delivery over Socket Mode goes to a registration that nobody reads any more
   */
  readonly kind:
    | 'lost-answer'
    | 'lost-call'
    | 'server-error'
    | 'server-error-after'
    | 'rate-limit'
    | 'slow'
    | 'error'
    | 'ghost';
  /** How often; for ever with Infinity. */
  readonly times: number;
  /** Only each n-th of the calls that it is meant for. */
  readonly every?: number;
  readonly retryAfterS?: number;
  readonly delayMs?: number;
  readonly error?: string;
  /** Of `missing_scope`: which. */
  readonly needed?: string;
}

export interface FaultHandle {
  /** How often it struck. */
  readonly struck: number;
  cancel(): void;
}

interface Ordered {
  readonly fault: Fault;
  met: number;
  struck: number;
}

export class Faults {
  readonly #ordered = new Set<Ordered>();

  order(fault: Fault): FaultHandle {
    const ordered: Ordered = { fault, met: 0, struck: 0 };
    this.#ordered.add(ordered);
    return {
      get struck() {
        return ordered.struck;
      },
      cancel: () => this.#ordered.delete(ordered),
    };
  }

  /** The fault that strikes this call, if any. */
  strike(method: string, channel: string | undefined): Fault | undefined {
    return this.#strike(
      (fault) => fault.kind !== 'ghost' && (fault.channel === undefined || fault.channel === channel),
      method,
    );
  }

  /** Whether a ghost takes this delivery. */
  swallows(delivery: string): boolean {
    return this.#strike((fault) => fault.kind === 'ghost', delivery) !== undefined;
  }

  #strike(isMeant: (fault: Fault) => boolean, method: string): Fault | undefined {
    for (const ordered of this.#ordered) {
      const { fault } = ordered;
      if (ordered.struck >= fault.times || (fault.method ?? method) !== method || !isMeant(fault)) continue;
      ordered.met += 1;
      if (ordered.met % (fault.every ?? 1) !== 0) continue;
      ordered.struck += 1;
      return fault;
    }
    return undefined;
  }

  /** Registrations that Slack still counts: `num_connections` is higher by them. */
  get ghosts(): number {
    return Array.from(this.#ordered).filter(
      ({ fault, struck }) => fault.kind === 'ghost' && struck < fault.times,
    ).length;
  }
}
