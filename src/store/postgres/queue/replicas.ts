import { type Kysely, sql } from 'kysely';
import type { Member, Role } from '../../../ports/crew.ts';
import { LEASE_MS } from '../../../time/lease.ts';
import type { Schema } from '../../schema.ts';
import { type ServerSchema, toServer } from '../server-schema.ts';

/** What a process posted may be read for as long after it is gone: it is not a stranger's. */
const FORGOTTEN_MS = 48 * 3_600_000;

/** Which processes are there, by the clock of the server, which all of them share. */
export class Replicas {
  readonly #db: Kysely<ServerSchema>;
  readonly #self: string;
  #role: Role | 'starting' = 'starting';
  #roles: ReadonlySet<string> = new Set();
  readonly #listeners: (() => void)[] = [];
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
      .values({ id: this.#self, seen_at: NOW, role: this.#role })
      .onConflict((row) => row.column('id').doUpdateSet({ seen_at: NOW, role: this.#role }))
      .returning('seen_at')
      .executeTakeFirstOrThrow();
    this.#aheadMs = seen_at - (sentAt + performance.now()) / 2;
    await this.#lookAround();
    if (Math.random() < 0.01) {
      await this.#db
        .deleteFrom('replica')
        .where('seen_at', '<', sql<number>`${NOW} - ${FORGOTTEN_MS}::bigint`)
        .execute();
    }
  }

  /** We are there for this part. */
  async announce(role: Role): Promise<void> {
    this.#role = role;
    await this.beat();
  }

  /** The parts for which somebody is there, as of the last beat. */
  roles(): ReadonlySet<string> {
    return this.#roles;
  }

  onRoles(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Nothing begins that nobody could tell of, or that who was away has yet to hold. */
  mayTake(): boolean {
    return this.#role !== 'worker' || this.#roles.has('bot');
  }

  async living(db: Kysely<ServerSchema>): Promise<ReadonlySet<string>> {
    return new Set((await this.members(db)).map(({ id }) => id));
  }

  async members(db: Kysely<ServerSchema>): Promise<readonly Member[]> {
    return await db
      .selectFrom('replica')
      .select(['id', 'role'])
      .where('seen_at', '>', sql<number>`${NOW} - ${LEASE_MS}::bigint`)
      .execute();
  }

  async #lookAround(): Promise<void> {
    const roles = new Set((await this.members(this.#db)).map(({ role }) => role));
    const isSame = roles.size === this.#roles.size && [...roles].every((role) => this.#roles.has(role));
    this.#roles = roles;
    if (!isSame) for (const listener of this.#listeners) listener();
  }

  /** What is left of processes that are gone is ours from now on. */
  takeAbandoned(db: Kysely<Schema>, what: 'run' | 'received'): Promise<readonly string[]> {
    return toServer(db)
      .transaction()
      .execute(async (trx) => {
        const living = [...(await this.living(trx)), this.#self];
        let left = trx
          .updateTable(what)
          .set({ opener: this.#self })
          .where((row) => row.or([row('opener', 'is', null), row('opener', 'not in', living)]));
        if (what === 'run') left = left.where(sql<boolean>`state = 'opening'`);
        return (await left.returning('id').execute()).map(({ id }) => id);
      });
  }

  async isKnown(id: string): Promise<boolean> {
    if (id === this.#self) return true;
    const found = await this.#db.selectFrom('replica').select('id').where('id', '=', id).executeTakeFirst();
    return found !== undefined;
  }

  /** In order: what was ours alone is free at once. */
  async leave(): Promise<void> {
    await this.#db.deleteFrom('posting').where('replica', '=', this.#self).execute();
    await this.#db
      .updateTable('replica')
      .set({ seen_at: sql<number>`seen_at - ${LEASE_MS}::bigint` })
      .where('id', '=', this.#self)
      .execute();
  }
}

/** The server's clock. */
export const NOW = sql<number>`(extract(epoch from clock_timestamp()) * 1000)::bigint`;
