import { type RawBuilder, type SelectQueryBuilder, sql, type Transaction } from 'kysely';
import { LEASE_MS } from '../../../time/lease.ts';
import type { Schema } from '../../schema.ts';
import { toServer } from '../server-schema.ts';
import type { Replicas } from './replicas.ts';

/** Less than this left of it, whoever posts says that it goes on to. */
const RENEWED_MS = LEASE_MS / 2;

/**
 * Slack's limits are the workspace's, so one process at a time brings messages there, by a lease: its pace is then
 * everybody's. It passes on as soon as that process has nothing more to bring, or is gone. Files that lie on the disk of one
 * process are brought by that one, as long as it is there, and so is what a command says that is followed there.
 */
export class Posting {
  readonly #replicas: Replicas;
  readonly #self: string;

  constructor(replicas: Replicas, self: string) {
    this.#replicas = replicas;
    this.#self = self;
  }

  /** Within a claim, of which the rows are narrowed to those that are ours to bring now. */
  async narrow<T extends SelectQueryBuilder<Schema, 'outbox', object>>(
    trx: Transaction<Schema>,
    due: T,
  ): Promise<T> {
    const isOurs = await this.#hold(trx);
    // A worker has no way to Slack: its files are brought by whoever has, and shares its disk.
    const there = await this.#replicas.members(toServer(trx));
    const living = there.flatMap(({ id, role }) => (id === this.#self || role === 'worker' ? [] : [id]));
    // A reply is due while its host runs only where that is followed: what it says is known where it runs.
    const isOf = (
      worker: RawBuilder<boolean>,
    ) => sql<boolean>`(outbox.sends <> 'message' or outbox.key like 'reply:%') and exists (
      select 1 from job where job.run_id = outbox.run_id and ${worker} and (
        (outbox.sends <> 'message'
          and outbox.key in ('file:' || job.run_id || ':' || job.host, 'log:' || job.run_id || ':host ' || job.host))
        or (job.state = 'running' and outbox.key = 'reply:' || job.run_id || ':' || job.host)))`;
    const other = sql<boolean>`job.worker = any(${living}::text[])`;
    const ours = isOurs ? sql<boolean>`not (${isOf(other)})` : isOf(sql<boolean>`job.worker = ${this.#self}`);
    return due.where(ours) as T;
  }

  async #hold(trx: Transaction<Schema>): Promise<boolean> {
    const db = toServer(trx);
    const now = this.#replicas.now();
    const held = await db.selectFrom('posting').selectAll().executeTakeFirst();
    const isOurs = held?.replica === this.#self;
    if (held !== undefined && !isOurs && held.until > now) return false;
    if (isOurs && held.until - now > RENEWED_MS) return true;
    const row = { replica: this.#self, until: now + LEASE_MS };
    await db
      .insertInto('posting')
      .values({ id: 1, ...row })
      .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
      .execute();
    return true;
  }
}
