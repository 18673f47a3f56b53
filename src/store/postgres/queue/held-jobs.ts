import { type Kysely, sql, type Transaction } from 'kysely';
import type { Log } from '../../../ports/log.ts';
import { UNKNOWN } from '../../jobs/late.ts';
import type { Ledger } from '../../jobs/settle.ts';
import { findRunning, settleLost } from '../../runs/runs.ts';
import type { Schema } from '../../schema.ts';
import { type ServerSchema, toServer, toStore } from '../server-schema.ts';
import type { Engine } from './engine.ts';
import { isNotKept, keepLanes } from './host-lanes.ts';
import type { Replicas } from './replicas.ts';

interface HeldJobsSettings {
  readonly ledger: Ledger;
  readonly replicas: Replicas;
  readonly engine: () => Engine;
  readonly log: Log;
}

/** What a process has taken and is not over yet, and how it is let go: in the table, and with its ticket. */
export class HeldJobs {
  readonly #settings: HeldJobsSettings;
  readonly #self: string;
  readonly #ids = new Set<string>();

  constructor(settings: HeldJobsSettings) {
    this.#settings = settings;
    this.#self = settings.ledger.self;
  }

  ids(): readonly string[] {
    return [...this.#ids];
  }

  add(ids: Iterable<string>): void {
    for (const id of ids) this.#ids.add(id);
  }

  delete(id: string): void {
    this.#ids.delete(id);
  }

  /** Of these, what is ours in the table. */
  async ofMine(trx: Transaction<ServerSchema>, ids: readonly string[]) {
    if (ids.length === 0) return new Map<string, never>();
    const rows = await trx
      .selectFrom('job')
      .select(['id', 'state', 'kind'])
      .where(sql<boolean>`id = any(${ids}::text[])`)
      .where('worker', '=', this.#self)
      .execute();
    return new Map(rows.map((row) => [row.id, row]));
  }

  async tear(trx: Transaction<ServerSchema>, ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    await trx.updateTable('job').set({ lane: null }).where(sql<boolean>`id = any(${ids}::text[])`).execute();
    await this.#settings.engine().drop(ids, toStore(trx));
  }

  /** Skipped or cancelled by somebody before they began: their lanes are free, and whoever had them does not start them. */
  async tearStale(trx: Transaction<ServerSchema>): Promise<void> {
    const stale = await trx
      .selectFrom('job')
      .select('id')
      .where('state', '=', 'settled')
      .where('lane', 'is not', null)
      .where(isNotKept)
      .execute();
    await this.tear(
      trx,
      stale.map(({ id }) => id),
    );
  }

  async giveBack(trx: Transaction<ServerSchema>, ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    await trx
      .updateTable('job')
      .set({ worker: null, lane: null })
      .where(sql<boolean>`id = any(${ids}::text[])`)
      .where('state', '=', 'queued')
      .execute();
    await this.#settings.engine().drop(ids, toStore(trx));
  }

  /** What was taken and has not started. */
  async giveBackWaiting(db: Kysely<ServerSchema>): Promise<void> {
    await db.transaction().execute(async (trx) => await this.giveBack(trx, await this.#waiting(trx)));
  }

  /** What was taken, for all that nobody here was told so. */
  async giveBackUntold(trx: Transaction<ServerSchema>): Promise<void> {
    const taken = await this.#waiting(trx);
    await this.giveBack(
      trx,
      taken.filter((id) => !this.#ids.has(id)),
    );
  }

  async #waiting(trx: Transaction<ServerSchema>): Promise<readonly string[]> {
    const taken = await trx
      .selectFrom('job')
      .select('id')
      .where('worker', '=', this.#self)
      .where('state', '=', 'queued')
      .execute();
    return taken.map(({ id }) => id);
  }

  /** What is not ours any more, and what somebody asked to stop. */
  async findEnding(
    db: Kysely<Schema>,
  ): Promise<{ readonly gone: readonly string[]; readonly asked: readonly string[] }> {
    const held = this.ids();
    if (held.length === 0) return { gone: [], asked: [] };
    const rows = await toServer(db)
      .selectFrom('job')
      .innerJoin('run', 'run.id', 'job.run_id')
      .select(['job.id', 'job.state', 'job.worker'])
      .where(sql<boolean>`job.id = any(${held}::text[])`)
      .where((job) =>
        job.or([
          job('job.state', '=', 'settled'),
          job('stop_asked', '=', true),
          job('run.cancelled_at', 'is not', null),
          job('worker', 'is', null),
          job('worker', '<>', this.#self),
        ]),
      )
      .execute();
    const isGone = (row: (typeof rows)[number]): boolean =>
      row.state === 'settled' || row.worker !== this.#self;
    return {
      gone: rows.filter(isGone).map(({ id }) => id),
      asked: rows.filter((row) => !isGone(row)).map(({ id }) => id),
    };
  }

  /** Tickets for which nobody spoke. */
  async reclaim(own: Transaction<Schema>, ids: readonly string[]): Promise<void> {
    const { ledger, replicas, engine, log } = this.#settings;
    const trx = toServer(own);
    const jobs = await trx
      .selectFrom('job')
      .select(['id', 'state', 'worker'])
      .where('id', 'in', ids)
      .execute();
    const living = await replicas.living(trx);
    // pg-boss lets none be out for more than a day: its process speaks for it again.
    const isKept = ({ id, worker }: { readonly id: string; readonly worker: string | null }): boolean =>
      worker === this.#self ? this.#ids.has(id) : worker !== null && living.has(worker);
    const left = jobs.filter((job) => job.state === 'settled' || !isKept(job));
    const waiting = left.filter(({ state }) => state === 'queued').map(({ id }) => id);
    if (waiting.length > 0) await this.giveBack(trx, waiting);
    const lost = left.filter(({ state }) => state === 'running').map(({ id }) => id);
    if (lost.length > 0) {
      const running = await findRunning(own, lost);
      await settleLost(ledger, own, running, ledger.now(), UNKNOWN);
      await keepLanes(trx, lost);
      log.warn({ jobs: running.length }, 'jobs of a process that is gone are of unknown fate');
    }
    const known = new Set(jobs.map(({ id }) => id));
    const over = left.filter(({ state }) => state !== 'running').map(({ id }) => id);
    await this.tear(trx, [...over, ...ids.filter((id) => !known.has(id))]);
    await engine().drop(lost, own);
  }
}
