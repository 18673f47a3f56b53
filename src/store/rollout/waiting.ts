import { type Kysely, sql } from 'kysely';
import type { TakenJob } from '../../run/run.ts';
import type { Schema } from '../schema.ts';

/** What of a run waits and may start, in the order of its plan. */
export async function listWaiting(db: Kysely<Schema>, runId: string): Promise<readonly TakenJob[]> {
  return await db
    .selectFrom('job')
    .select(['id', 'run_id as runId', 'host'])
    .where('run_id', '=', runId)
    .where('state', '=', 'queued')
    .where(mayStart)
    .orderBy('position')
    .execute();
}

/** Of a job: no rollout keeps it from starting. */
export const mayStart = sql<boolean>`not exists (
  select 1 from rollout where rollout.run_id = job.run_id and rollout.starts_before <= job.position)`;
