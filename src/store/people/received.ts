import type { Kysely, Transaction } from 'kysely';
import type { Received } from '../../ports/records.ts';
import type { ReceivedRequest, Unanswered } from '../../run/received.ts';
import { inChunks } from '../jobs/pieces.ts';
import type { Schema } from '../schema.ts';

/** What came in and is not answered yet: a row for as long as somebody works on it, and over a crash. */
export class StoredReceived implements Received {
  readonly #db: Kysely<Schema>;
  readonly #now: () => number;

  /** Of those whose process is gone. */
  readonly #takeAbandoned: () => Promise<readonly string[]>;

  constructor(db: Kysely<Schema>, now: () => number, takeAbandoned: () => Promise<readonly string[]>) {
    this.#takeAbandoned = takeAbandoned;
    this.#db = db;
    this.#now = now;
  }

  async note({ requester, channelId, what, requestKey }: ReceivedRequest, id: string): Promise<void> {
    await this.#db
      .insertInto('received')
      .values({
        id,
        request_key: requestKey,
        team_id: requester.teamId,
        user_id: requester.userId,
        channel_id: channelId,
        what,
        at: this.#now(),
      })
      .execute();
  }

  async forget(ids: readonly string[]): Promise<void> {
    for (const chunk of inChunks(ids)) {
      await this.#db.deleteFrom('received').where('id', 'in', chunk).execute();
    }
  }

  async unanswered(): Promise<readonly Unanswered[]> {
    const ids = await this.#takeAbandoned();
    if (ids.length === 0) return [];
    const rows = await this.#db
      .selectFrom('received')
      // A second delivery is put down after the run that it finds, and has its key.
      .leftJoin('run', (on) =>
        on.on((row) =>
          row.or([
            row('run.id', '=', row.ref('received.run_id')),
            row('run.request_key', '=', row.ref('received.request_key')),
          ]),
        ),
      )
      .selectAll('received')
      .select(['run.id as runId', 'run.root_ts as rootTs'])
      .where('received.id', 'in', ids)
      .orderBy('received.at')
      .orderBy('received.id')
      .execute();
    const answered = rows.filter(({ rootTs }) => rootTs !== null);
    await this.forget(answered.map(({ id }) => id));
    return rows
      .filter((row) => !answered.includes(row))
      .map((row) => ({
        id: row.id,
        requester: { teamId: row.team_id, userId: row.user_id },
        channelId: row.channel_id,
        what: row.what,
        requestKey: row.request_key,
        receivedAt: row.at,
        runId: row.runId ?? undefined,
      }));
  }
}

/** It has become a run: from here on what is told of it is told of the run. */
export async function linkReceived(
  trx: Transaction<Schema>,
  requestKey: string,
  runId: string,
): Promise<void> {
  await trx.updateTable('received').set({ run_id: runId }).where('request_key', '=', requestKey).execute();
}

/** The run has its thread, and that is the answer. */
export async function forgetReceived(trx: Transaction<Schema>, runId: string): Promise<void> {
  await trx.deleteFrom('received').where('run_id', '=', runId).execute();
}
