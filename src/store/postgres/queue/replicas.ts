import { type Kysely, sql } from 'kysely';
import type { Schema } from '../../schema.ts';
import { type ServerSchema, toServer } from '../server-schema.ts';
import { LEASE_MS } from './engine.ts';

/** A process that was not there for so long is forgotten. */
const FORGOTTEN_MS = 3_600_000;

/** Which processes are there, by the clock of the server, which all of them share. */
export class Replicas {
  readonly #db: Kysely<ServerSchema>;
  readonly #self: string;
  /** The server's clock, less ours that nobody can set. */
  #aheadMs = Date.now() - performance.now();

  /** `db`: apart from the connections that wait for their turn to write. */
  constructor(db: Kysely<Schema>, self: string) {
    this.#db = toServer(db);
    this.#self = self;
  }

  /** Whole epoch ms by the server's clock, as of the last beat. */
  now(): number {
    return Math.round(this.#aheadMs + performance.now());
  }

  /** We are there. */
  async beat(): Promise<void> {
    const sentAt = performance.now();
    const { seen_at } = await this.#db
      .insertInto('replica')
      .values({ id: this.#self, seen_at: NOW })
      .onConflict((row) => row.column('id').doUpdateSet({ seen_at: NOW }))
      .returning('seen_at')
      .executeTakeFirstOrThrow();
    this.#aheadMs = seen_at - (sentAt + performance.now()) / 2;
    if (Math.random() < 0.01) {
      await this.#db
        .deleteFrom('replica')
        .where('seen_at', '<', sql<number>`${NOW} - ${FORGOTTEN_MS}::bigint`)
        .execute();
    }
  }

  async living(db: Kysely<ServerSchema>): Promise<ReadonlySet<string>> {
    const rows = await db
      .selectFrom('replica')
      .select('id')
      .where('seen_at', '>', sql<number>`${NOW} - ${LEASE_MS}::bigint`)
      .execute();
    return new Set(rows.map(({ id }) => id));
  }

  async leave(): Promise<void> {
    await this.#db.deleteFrom('replica').where('id', '=', this.#self).execute();
  }
}

const NOW = sql<number>`(extract(epoch from clock_timestamp()) * 1000)::bigint`;
