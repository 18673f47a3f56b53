import type { HostFactsStore } from '../../ports/records.ts';
import { type HostFacts, mergeFacts } from '../../run/ping/facts.ts';
import { inChunks } from './pieces.ts';
import type { Ledger } from './settle.ts';

/** What is remembered of hosts: one row each, which no run and no audit entry depends on. */
export class StoredHostFacts implements HostFactsStore {
  readonly #ledger: Ledger;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  async remember(facts: readonly HostFacts[]): Promise<void> {
    for (const chunk of inChunks(facts)) {
      await this.#ledger.db.transaction().execute(async (trx) => {
        const known = await readFacts(
          trx,
          chunk.map(({ host }) => host),
        );
        const rows = chunk.map((news) => {
          const host = news.host.toLowerCase();
          return { host, at: news.at, facts_json: JSON.stringify(mergeFacts(known.get(host), news)) };
        });
        await trx
          .insertInto('host_fact')
          .values(rows)
          .onConflict((conflict) =>
            conflict.column('host').doUpdateSet((row) => ({
              at: row.ref('excluded.at'),
              facts_json: row.ref('excluded.facts_json'),
            })),
          )
          .execute();
      });
    }
  }

  list(hosts: readonly string[]): Promise<ReadonlyMap<string, HostFacts>> {
    return readFacts(this.#ledger.db, hosts);
  }
}

async function readFacts(
  db: Pick<Ledger['db'], 'selectFrom'>,
  hosts: readonly string[],
): Promise<ReadonlyMap<string, HostFacts>> {
  const found = new Map<string, HostFacts>();
  for (const chunk of inChunks(hosts.map((host) => host.toLowerCase()))) {
    const rows = await db
      .selectFrom('host_fact')
      .select(['host', 'facts_json'])
      .where('host', 'in', [...chunk])
      .execute();
    for (const { host, facts_json } of rows) found.set(host, JSON.parse(facts_json) as HostFacts);
  }
  return found;
}

/** Nobody has been in contact with these for longer than runs are kept. */
export async function removeOldFacts({ db, now }: Ledger, keepMs: number): Promise<boolean> {
  if (keepMs === Number.POSITIVE_INFINITY) return false;
  const { numDeletedRows } = await db
    .deleteFrom('host_fact')
    .where('at', '<', now() - keepMs)
    .executeTakeFirst();
  return numDeletedRows > 0n;
}
