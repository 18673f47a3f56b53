import { sql, type Transaction } from 'kysely';
import type { Places } from '../../ports/outbox.ts';
import type { Sends } from '../../thread/row.ts';
import type { ClosedPlace } from '../../thread/unread.ts';
import type { JobQueue } from '../jobs/job-queue.ts';
import type { Ledger } from '../jobs/settle.ts';
import { holdRuns } from '../runs/holds.ts';
import type { Schema } from '../schema.ts';
import { isOfChannel } from './due-rows.ts';
import { GIVEN_UP_WITH } from './given-up.ts';
import type { StoredOutbox } from './outbox.ts';

export interface PlacesSettings {
  readonly auditChannel: string | undefined;
  readonly resumeWithinMs: number;
}

/**
 * Channels that Slack does not let us write into, and since when. While one is here no job of its runs starts: the
 * start guard looks.
 */
export class StoredPlaces implements Places {
  readonly #ledger: Ledger;
  readonly #outbox: StoredOutbox;
  readonly #jobs: JobQueue;
  readonly #settings: PlacesSettings;

  constructor(ledger: Ledger, outbox: StoredOutbox, jobs: JobQueue, settings: PlacesSettings) {
    this.#ledger = ledger;
    this.#outbox = outbox;
    this.#jobs = jobs;
    this.#settings = settings;
  }

  async list(): Promise<readonly string[]> {
    const rows = await this.#ledger.db.selectFrom('place').select('channel_id').execute();
    return rows.map((row) => row.channel_id);
  }

  async close(channelId: string, error: string): Promise<ClosedPlace> {
    const { db, now } = this.#ledger;
    const place = await db.transaction().execute((trx) =>
      trx
        .insertInto('place')
        .values({ channel_id: channelId, since: now(), error, refusals: 1 })
        .onConflict((conflict) =>
          conflict.column('channel_id').doUpdateSet({ error, refusals: sql`place.refusals + 1` }),
        )
        .returning(['since', 'refusals'])
        .executeTakeFirstOrThrow(),
    );
    const unread = await db
      .selectFrom('run')
      .select(['id', 'user_id'])
      .where('channel_id', '=', channelId)
      .where((run) =>
        run.or([
          run('finished_at', 'is', null),
          run.exists(
            run
              .selectFrom('outbox')
              .select('key')
              .whereRef('outbox.run_id', '=', 'run.id')
              .where('due_at', 'is not', null),
          ),
        ]),
      )
      .orderBy('number')
      .execute();
    return {
      refusals: place.refusals,
      closedForMs: now() - place.since,
      runs: unread.map(({ id, user_id }) => ({ runId: id, userId: user_id })),
    };
  }

  async giveUp(channelId: string, error: string): Promise<void> {
    await this.#ledger.db.transaction().execute((trx) =>
      trx
        .updateTable('outbox')
        .set((column) => ({
          given_up_at: column.ref('due_at'),
          due_at: null,
          lease_until: 0,
          error: `${GIVEN_UP_WITH}${error}`,
        }))
        .where('due_at', 'is not', null)
        .where((row) => isOfChannel(row, channelId, this.#settings.auditChannel))
        .execute(),
    );
  }

  async reopen(channelId: string): Promise<void> {
    const { db, now } = this.#ledger;
    const place = await db
      .selectFrom('place')
      .select(['since', 'error'])
      .where('channel_id', '=', channelId)
      .executeTakeFirst();
    if (place === undefined) return;
    const closedForMs = now() - place.since;
    // A clock that was set back tells nothing, and then nothing starts.
    const isLong = closedForMs < 0 || closedForMs > this.#settings.resumeWithinMs;
    if (isLong) {
      const reason = `nobody could read about it for ${describeMinutes(closedForMs)} (Slack: ${place.error})`;
      this.#jobs.forget(await holdRuns(this.#ledger, reason, { channelId }));
    }
    await db.transaction().execute(async (trx) => {
      await trx.deleteFrom('place').where('channel_id', '=', channelId).execute();
      await this.#makeDue(trx, channelId, ['message', 'file', 'bulk']);
    });
    const waiting = await db
      .selectFrom('run')
      .select('id')
      .where('channel_id', '=', channelId)
      .where('state', '=', 'open')
      .where('held', 'is', null)
      .where('cancelled_at', 'is', null)
      .orderBy('number')
      .execute();
    for (const { id } of waiting) (await this.#jobs.prepare(id))();
    this.#outbox.announce();
  }

  async filesWork(channelId: string): Promise<void> {
    const due = await this.#ledger.db
      .transaction()
      .execute((trx) => this.#makeDue(trx, channelId, ['file', 'bulk']));
    if (due > 0) this.#outbox.announce();
  }

  /** What was given up for this channel's sake. Tells how many rows. */
  async #makeDue(trx: Transaction<Schema>, channelId: string, sends: readonly Sends[]): Promise<number> {
    const { numUpdatedRows } = await trx
      .updateTable('outbox')
      .set((column) => ({
        due_at: column.ref('given_up_at'),
        given_up_at: null,
        attempts: 1,
        tries: 0,
        lease_until: 0,
        error: null,
      }))
      .where('given_up_at', 'is not', null)
      .where('error', 'like', `${GIVEN_UP_WITH}%`)
      .where('sends', 'in', sends)
      .where((row) => isOfChannel(row, channelId, this.#settings.auditChannel))
      .executeTakeFirstOrThrow();
    return Number(numUpdatedRows);
  }
}

function describeMinutes(ms: number): string {
  if (ms < 0) return 'some time';
  const minutes = Math.max(1, Math.round(ms / 60_000));
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}
