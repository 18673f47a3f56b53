import { Refusal } from '../errors.ts';
import type { Offers } from '../ports/records.ts';
import type { TrustableReport } from '../run/host-key.ts';
import type { Requester } from '../run/plan.ts';

/** Whoever looks long enough at keys may have looked away: then they are to be fetched anew. */
const OFFER_MS = 15 * 60_000;

/**
 * What the buttons below shown keys stand for. They carry an id and nothing else: what is written is what was shown,
 * whatever a click says, once, and for nobody but whom it was shown to.
 */
export class KeyOffers {
  readonly #offers: Offers;
  readonly #now: () => number;
  readonly #looking = new Set<string>();

  constructor(offers: Offers, now: () => number) {
    this.#offers = offers;
    this.#now = now;
  }

  /** What `show` makes of keys; whatever it offers somebody can say yes to. */
  async open<T>(
    by: Requester,
    show: (offer: (shown: readonly TrustableReport[]) => string) => T,
  ): Promise<T> {
    const offered: (readonly [id: string, shown: readonly TrustableReport[]])[] = [];
    const shown = show((reports) => {
      const id = crypto.randomUUID();
      offered.push([id, reports]);
      return id;
    });
    const at = this.#now();
    for (const [id, reports] of offered)
      await this.#offers.put(id, by, reports, { at, until: at + OFFER_MS });
    return shown;
  }

  /** What was shown, to the one it was shown to, once; else a `Refusal`. */
  async take(id: string, by: Requester): Promise<readonly TrustableReport[]> {
    const offered = await this.#offers.take(id, by, this.#now());
    switch (offered) {
      case 'gone':
        throw refuse('These keys were shown too long ago.');
      case 'of-another':
        throw refuse('These keys were shown to somebody else.');
      case 'taken':
        throw refuse('This button has already been pressed.');
      default:
        return offered;
    }
  }

  /** One look of a person at a time: each dials many hosts. */
  async look<T>({ teamId, userId }: Requester, work: () => Promise<T>): Promise<T> {
    const who = `${teamId} ${userId}`;
    if (this.#looking.has(who))
      throw new Refusal(
        'not-now',
        'Keys are still being fetched for you; nothing more was asked of any host.',
        {
          remedy: 'Wait for that answer: it takes half a minute at most.',
        },
      );
    this.#looking.add(who);
    try {
      return await work();
    } finally {
      this.#looking.delete(who);
    }
  }
}

function refuse(why: string): Refusal {
  return new Refusal('not-now', `${why} This click has written nothing.`, {
    remedy: '/batch trust HOST fetches the keys anew.',
  });
}
