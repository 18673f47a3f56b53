import { Refusal } from '../errors.ts';
import type { TrustableReport } from '../run/host-key.ts';
import { isSamePerson, type Requester } from '../run/plan.ts';

/** Whoever looks long enough at keys may have looked away: then they are to be fetched anew. */
const OFFER_MS = 15 * 60_000;
/** Of one person, the last ones. */
const MOST_OFFERS = 4;

/** Keys that were shown to somebody, who may say yes to them once. */
interface Offer {
  readonly id: string;
  readonly by: Requester;
  readonly reports: readonly TrustableReport[];
  readonly endsAt: number;
  isTaken: boolean;
}

/**
 * What the buttons below shown keys stand for. They carry an id and nothing else: what is written is what was shown,
 * whatever a click says. Kept in memory only, so that none outlives the process.
 */
export class KeyOffers {
  readonly #now: () => number;
  readonly #offers = new Map<string, Offer>();
  readonly #looking = new Set<string>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** The id of an offer. */
  open(by: Requester, reports: readonly TrustableReport[]): string {
    const now = this.#now();
    for (const offer of this.#offers.values()) if (offer.endsAt <= now) this.#offers.delete(offer.id);
    const own = Array.from(this.#offers.values()).filter((offer) => isSamePerson(offer.by, by));
    for (const { id } of own.slice(0, Math.max(0, own.length - MOST_OFFERS + 1))) this.#offers.delete(id);
    const id = crypto.randomUUID();
    this.#offers.set(id, { id, by, reports, endsAt: now + OFFER_MS, isTaken: false });
    return id;
  }

  /** What was shown, to the one it was shown to, once; else a `Refusal`. */
  take(id: string, by: Requester): readonly TrustableReport[] {
    const offer = this.#offers.get(id);
    if (offer === undefined || offer.endsAt <= this.#now())
      throw refuse('These keys were shown too long ago, or the bot was started again since.');
    if (!isSamePerson(offer.by, by)) throw refuse('These keys were shown to somebody else.');
    if (offer.isTaken) throw refuse('This button has already been pressed.');
    offer.isTaken = true;
    return offer.reports;
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
