import type { Kysely, RawBuilder, Transaction } from 'kysely';
import type { TakenJob } from '../../run/run.ts';
import { oweProgress } from '../../thread/layout.ts';
import { oweAll } from '../outbox/owed-rows.ts';
import { mayStart } from '../rollout/waiting.ts';
import type { Schema } from '../schema.ts';
import { inChunks } from './pieces.ts';
import { findThreads, type Ledger } from './settle.ts';

/**
 * The only way to start a job. It answers once in a job's life, whatever crashes and whoever asks twice, and tells
 * which of these it has marked as running. Where several processes share the tables, only what this one has taken
 * (`isOurs`).
 */
export async function passGuard(
  ledger: Ledger,
  trx: Transaction<Schema>,
  jobs: readonly TakenJob[],
  at: number,
  isOurs?: RawBuilder<boolean>,
): Promise<readonly TakenJob[]> {
  const ids = new Set<string>();
  for (const chunk of inChunks(jobs)) {
    let update = markRunning(
      trx,
      chunk.map((job) => job.id),
      at,
    );
    if (isOurs !== undefined) update = update.where(isOurs);
    const rows = await update.returning('id').execute();
    for (const { id } of rows) ids.add(id);
  }
  const granted = jobs.filter((job) => ids.delete(job.id));
  const threads = await findThreads(ledger, trx, [...new Set(granted.map((job) => job.runId))]);
  await oweAll(
    trx,
    threads.map((thread) => ({ by: thread, rows: oweProgress(thread.runId, at) })),
  );
  return granted;
}

/** Each of these that waits and may go. What it costs is a matter of these, not of what else waits or has ever been. */
export function markRunning(db: Kysely<Schema>, ids: readonly string[], at: number) {
  return (
    db
      .updateTable('job')
      .set({ state: 'running', started_at: at })
      .where('id', 'in', ids)
      .where('state', '=', 'queued')
      .where(mayStart)
      // Not `run_id in`: SQLite would read all runs then, and by them all jobs that wait.
      .where(({ exists, selectFrom }) =>
        exists(
          selectFrom('run')
            .select('run.id')
            .whereRef('run.id', '=', 'job.run_id')
            .where('run.state', '=', 'open')
            .where('run.cancelled_at', 'is', null)
            .where('run.held', 'is', null)
            // Nobody could read what became of it.
            .where('run.channel_id', 'not in', selectFrom('place').select('place.channel_id')),
        ),
      )
  );
}
