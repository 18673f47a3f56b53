import { type Kysely, sql } from 'kysely';
import type { Leftovers } from '../ports/hosts.ts';
import type { Leftover } from '../run/leftover.ts';
import type { Schema } from './schema.ts';

/**
 * Which hosts have any is also known in memory: each job on a host asks, and hardly one has. A host stays known
 * until it is asked about and nothing is found.
 */
export class StoredLeftovers implements Leftovers {
  readonly #db: Kysely<Schema>;
  readonly #now: () => number;
  readonly #hosts: Set<string>;

  private constructor(db: Kysely<Schema>, now: () => number, hosts: Set<string>) {
    this.#db = db;
    this.#now = now;
    this.#hosts = hosts;
  }

  static async open(db: Kysely<Schema>, now: () => number): Promise<StoredLeftovers> {
    const rows = await db.selectFrom('leftover').select('host').distinct().execute();
    return new StoredLeftovers(db, now, new Set(rows.map(({ host }) => host)));
  }

  async note({ host, path, runId, belongsAt }: Leftover): Promise<void> {
    this.#hosts.add(host);
    await this.#db
      .insertInto('leftover')
      .values({ host, path, run_id: runId, belongs_at: belongsAt, noted_at: this.#now() })
      .onConflict((row) =>
        row.columns(['host', 'path']).doUpdateSet({ run_id: runId, belongs_at: belongsAt }),
      )
      .execute();
  }

  async forget({ host, path }: Leftover): Promise<void> {
    await this.#db.deleteFrom('leftover').where('host', '=', host).where('path', '=', path).execute();
  }

  async list(host: string, runId: string): Promise<readonly Leftover[]> {
    if (!this.#hosts.has(host)) return [];
    const rows = await this.#db
      .selectFrom('leftover')
      .leftJoin('job', (on) =>
        on.onRef('job.run_id', '=', 'leftover.run_id').onRef('job.host', '=', 'leftover.host'),
      )
      .select(['leftover.host', 'path', 'leftover.run_id', 'belongs_at', 'job.state'])
      .where('leftover.host', '=', host)
      .orderBy('noted_at')
      // Two of the same millisecond.
      .orderBy(sql`leftover.rowid`)
      .execute();
    if (rows.length === 0) this.#hosts.delete(host);
    return rows
      .filter((row) => row.state !== 'running' || row.run_id === runId)
      .map((row) => ({ host, path: row.path, runId: row.run_id, belongsAt: row.belongs_at }));
  }
}
