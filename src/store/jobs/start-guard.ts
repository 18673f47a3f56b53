import type { RawBuilder, Transaction } from 'kysely';
import type { TakenJob } from '../../run/run.ts';
import { oweProgress } from '../../thread/layout.ts';
import { oweAll } from '../outbox/owed-rows.ts';
import { mayStart } from '../rollout/steps.ts';
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
    let update = trx
      .updateTable('job')
      .set({ state: 'running', started_at: at })
      .where(
        'id',
        'in',
        chunk.map((job) => job.id),
      )
      .where('state', '=', 'queued')
      .where(mayStart)
      .where('run_id', 'in', (open) =>
        open
          .selectFrom('run')
          .select('id')
          .where('state', '=', 'open')
          .where('cancelled_at', 'is', null)
          .where('held', 'is', null)
          // Nobody could read what became of it.
          .where('channel_id', 'not in', (closed) => closed.selectFrom('place').select('channel_id')),
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
