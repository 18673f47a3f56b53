import type { Kysely } from 'kysely';
import type { Leftovers } from '../../ports/hosts.ts';
import type { Leftover } from '../../run/leftover.ts';
import type { Schema } from '../schema.ts';

/**
 * Which hosts have any is also known in memory: each job on a host asks, and hardly one has. A host stays known
 * until it is asked about and nothing is found. Where other processes note some as well, each host is asked about.
 */
export class StoredLeftovers implements Leftovers {
  readonly #db: Kysely<Schema>;
  readonly #now: () => number;
  readonly #hosts: Set<string>;
  readonly #isShared: boolean;

  private constructor(db: Kysely<Schema>, now: () => number, isShared: boolean, hosts: Set<string>) {
    this.#isShared = isShared;
    this.#db = db;
    this.#now = now;
    this.#hosts = hosts;
  }

  static async open(db: Kysely<Schema>, now: () => number, isShared: boolean): Promise<StoredLeftovers> {
    const rows = await db.selectFrom('leftover').select('host').distinct().execute();
    return new StoredLeftovers(db, now, isShared, new Set(rows.map(({ host }) => host)));
  }

  async note({ host, path, runId, belongsAt }: Leftover): Promise<void> {
    this.#hosts.add(host);
    await this.#db.transaction().execute(async (trx) => {
      const known = await trx
        .updateTable('leftover')
        .set({ run_id: runId, belongs_at: belongsAt })
        .where('host', '=', host)
        .where('path', '=', path)
        .executeTakeFirst();
      if (known.numUpdatedRows > 0n) return;
      const { last } = await trx
        .selectFrom('leftover')
        .select(({ fn }) => fn.max('noted_at').as('last'))
        .where('host', '=', host)
        .executeTakeFirstOrThrow();
      // Two of the same millisecond keep their order, also where the clock was set back.
      const noted_at = Math.max(this.#now(), (last ?? 0) + 1);
      await trx
        .insertInto('leftover')
        .values({ host, path, run_id: runId, belongs_at: belongsAt, noted_at })
        .execute();
    });
  }

  async forget({ host, path }: Leftover): Promise<void> {
    await this.#db.deleteFrom('leftover').where('host', '=', host).where('path', '=', path).execute();
  }

  async list(host: string, runId: string): Promise<readonly Leftover[]> {
    if (!this.#isShared && !this.#hosts.has(host)) return [];
    const rows = await this.#db
      .selectFrom('leftover')
      .leftJoin('job', (on) =>
        on.onRef('job.run_id', '=', 'leftover.run_id').onRef('job.host', '=', 'leftover.host'),
      )
      .select(['leftover.host', 'path', 'leftover.run_id', 'belongs_at', 'job.state'])
      .where('leftover.host', '=', host)
      .orderBy('noted_at')
      .execute();
    if (rows.length === 0) this.#hosts.delete(host);
    return rows
      .filter((row) => row.state !== 'running' || row.run_id === runId)
      .map((row) => ({ host, path: row.path, runId: row.run_id, belongsAt: row.belongs_at }));
  }
}
