import { type Kysely, sql } from 'kysely';
import type { FoldRow } from '../../gather/fold.ts';
import type { Job, SlowJob } from '../../run/run.ts';
import { MAX_SPOOLED_FILES } from '../../thread/layout.ts';
import { breathe } from '../../time/breathe.ts';
import { jobsOf, toJob } from '../runs/records.ts';
import type { Schema } from '../schema.ts';
import { ROWS_AT_ONCE } from './pieces.ts';

/** Outputs of up to a quarter of a megabyte each: a few at a time are read and shown in a few milliseconds. */
const OUTPUTS_AT_ONCE = 16;
/** So much output is read and shown in some 10 ms. */
const CHARS_AT_ONCE = 250_000;

export async function listFoldRows(db: Kysely<Schema>, runId: string): Promise<readonly FoldRow[]> {
  const found: FoldRow[] = [];
  for (let from = 0; ; from += ROWS_AT_ONCE) {
    const rows = await db
      .selectFrom('job')
      .leftJoin('result', 'result.job_id', 'job.id')
      .select(['id', 'host', 'kind', 'exit_code', 'duration_ms', 'output_chars', 'fold', 'first_keys'])
      .where('run_id', '=', runId)
      .where('position', '>=', from)
      .where('position', '<', from + ROWS_AT_ONCE)
      .orderBy('position')
      .execute();
    if (rows.length === 0) return found;
    for (const { id, host, kind, exit_code, duration_ms, output_chars, fold, first_keys } of rows) {
      if (kind === null) continue;
      found.push({
        host,
        kind,
        exitCode: exit_code,
        durationMs: duration_ms ?? 0,
        outputChars: output_chars ?? 0,
        // Of before there was folding: a bundle of its own.
        fold: fold ?? id,
        firstKeys: first_keys ?? 0,
      });
    }
    await breathe();
  }
}

export async function* readJobs(db: Kysely<Schema>, runId: string): AsyncGenerator<Job> {
  for (let from = 0; ; from += OUTPUTS_AT_ONCE) {
    const rows = await jobsOf(db, runId)
      .leftJoin('output', 'output.job_id', 'job.id')
      .select('output.streams_json')
      .where('position', '>=', from)
      .where('position', '<', from + OUTPUTS_AT_ONCE)
      .orderBy('position')
      .execute();
    if (rows.length === 0) return;
    let chars = 0;
    for (const row of rows) {
      const job = toJob(row, row.streams_json);
      if (job.outcome !== undefined) yield job;
      chars += row.streams_json?.length ?? 0;
      if (chars < CHARS_AT_ONCE) continue;
      chars = 0;
      await breathe();
    }
    // Short ones cost as well: what a host said is masked, cleaned and formatted, at some 0.2 ms each.
    await breathe();
  }
}

export async function listSlowest(
  db: Kysely<Schema>,
  runId: string,
  count: number,
): Promise<readonly SlowJob[]> {
  const running = await db
    .selectFrom('job')
    .select(['host', 'started_at'])
    .where('run_id', '=', runId)
    .where('state', '=', 'running')
    .orderBy('started_at')
    .orderBy('position')
    .limit(count)
    .execute();
  if (running.length > 0)
    return running.map(({ host, started_at }) => ({ host, startedAt: started_at ?? 0 }));
  const settled = await db
    .selectFrom('job')
    .innerJoin('result', 'result.job_id', 'job.id')
    .select(['host', 'duration_ms'])
    .where('run_id', '=', runId)
    .where('duration_ms', '>', 0)
    .orderBy('duration_ms', 'desc')
    .orderBy('position')
    .limit(count)
    .execute();
  return settled.map(({ host, duration_ms }) => ({ host, durationMs: duration_ms ?? 0 }));
}

/** How many keys of a run were not known before and did not stop it. */
export async function sumFirstKeys(db: Kysely<Schema>, runId: string): Promise<number> {
  const { sum } = await db
    .selectFrom('job')
    .innerJoin('result', 'result.job_id', 'job.id')
    .select((column) => column.fn.sum<number | null>('first_keys').as('sum'))
    .where('run_id', '=', runId)
    .executeTakeFirstOrThrow();
  return sum ?? 0;
}

/** Hosts of a run that left output on disk, in its order, as many as are shown. */
export async function listSpooledHosts(db: Kysely<Schema>, runId: string): Promise<readonly string[]> {
  const hosts: string[] = [];
  for (let from = 0; hosts.length < MAX_SPOOLED_FILES; from += ROWS_AT_ONCE) {
    const rows = await db
      .selectFrom('job')
      .leftJoin('result', 'result.job_id', 'job.id')
      // In text of a host the quotes would be escaped.
      .select([
        'host',
        sql<number>`case when outcome_json like '%"spool":{%' then 1 else 0 end`.as('is_spooled'),
      ])
      .where('run_id', '=', runId)
      .where('position', '>=', from)
      .where('position', '<', from + ROWS_AT_ONCE)
      .orderBy('position')
      .execute();
    if (rows.length === 0) break;
    hosts.push(...rows.filter(({ is_spooled }) => is_spooled === 1).map(({ host }) => host));
    await breathe();
  }
  return hosts.slice(0, MAX_SPOOLED_FILES);
}
