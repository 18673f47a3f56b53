import type { Kept, Offered, Offers } from '../../ports/records.ts';
import type { TrustableReport } from '../../run/host-key.ts';
import type { Requester } from '../../run/plan.ts';
import type { Ledger } from '../jobs/settle.ts';

/** Of one person, the last ones. */
const MOST_OFFERS = 4;

/** Host keys that were shown to somebody: whichever process takes the press finds them, and gives them out once. */
export class StoredOffers implements Offers {
  readonly #ledger: Ledger;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  async put(
    id: string,
    by: Requester,
    reports: readonly TrustableReport[],
    { at, until }: Kept,
  ): Promise<void> {
    const person = { team_id: by.teamId, user_id: by.userId };
    await this.#ledger.db.transaction().execute(async (trx) => {
      await trx.deleteFrom('key_offer').where('ends_at', '<=', at).execute();
      const old = await trx
        .selectFrom('key_offer')
        .select('id')
        .where((is) => is.and(person))
        .orderBy('ends_at', 'desc')
        .orderBy('id')
        .limit(1_000)
        .offset(MOST_OFFERS - 1)
        .execute();
      for (const one of old) await trx.deleteFrom('key_offer').where('id', '=', one.id).execute();
      await trx
        .insertInto('key_offer')
        .values({ id, ...person, reports_json: JSON.stringify(reports), ends_at: until, taken_at: null })
        .execute();
    });
  }

  async take(id: string, by: Requester, at: number): Promise<Offered> {
    return await this.#ledger.db.transaction().execute(async (trx): Promise<Offered> => {
      const offer = await trx.selectFrom('key_offer').selectAll().where('id', '=', id).executeTakeFirst();
      if (offer === undefined || offer.ends_at <= at) return 'gone';
      if (offer.team_id !== by.teamId || offer.user_id !== by.userId) return 'of-another';
      if (offer.taken_at !== null) return 'taken';
      await trx.updateTable('key_offer').set({ taken_at: at }).where('id', '=', id).execute();
      return JSON.parse(offer.reports_json) as readonly TrustableReport[];
    });
  }
}
