import { type Kysely, sql } from 'kysely';
import type { Backlog } from '../../ports/store.ts';
import type { Schema } from '../schema.ts';
import { givenUpRows } from './given-up.ts';

/** What waits. Each count is along an index of just that, so it grows with what waits, and not with history. */
export async function measureBacklog(db: Kysely<Schema>, now: number): Promise<Backlog> {
  const queued = await queuedJobs(db).executeTakeFirstOrThrow();
  const due = await db
    .selectFrom('outbox')
    .select(({ fn }) => [fn.countAll<number>().as('rows'), fn.min('due_at').as('since')])
    .where('due_at', '<=', now)
    .executeTakeFirstOrThrow();
  const { rows: givenUp } = await givenUpRows(db)
    .select(({ fn }) => fn.countAll<number>().as('rows'))
    .executeTakeFirstOrThrow();
  const ageOf = (since: number | null): number => (since === null ? 0 : Math.max(0, now - since));
  return {
    queue: { waiting: queued.waiting, held: queued.held, oldestMs: ageOf(queued.since) },
    outbox: { due: due.rows, oldestMs: ageOf(due.since), givenUp },
  };
}

/** A cross join, as SQLite keeps its order: it would look through the jobs of all years for those that are queued. */
export function queuedJobs(db: Kysely<Schema>) {
  return db
    .selectFrom('run')
    .crossJoin('job')
    .select([
      sql<number>`coalesce(sum(case when held is null then 1 end), 0)`.as('waiting'),
      sql<number>`coalesce(sum(case when held is not null then 1 end), 0)`.as('held'),
      sql<number | null>`min(case when held is null then created_at end)`.as('since'),
    ])
    .whereRef('job.run_id', '=', 'run.id')
    .where('run.finished_at', 'is', null)
    .where('job.state', '=', 'queued');
}
