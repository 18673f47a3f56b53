import { type Kysely, type Selectable, sql } from 'kysely';
import type { Plan } from '../../run/plan.ts';
import { ANSWER_WITHIN_MS } from '../../run/rollout/words.ts';
import type { GoneRun, Job, Progress, RolloutStand, Run, RunsOf } from '../../run/run.ts';
import { breathe } from '../../time/breathe.ts';
import { ROWS_AT_ONCE } from '../jobs/pieces.ts';
import { toOutcome } from '../jobs/stored-outcome.ts';
import type { RolloutTable, RunTable, Schema } from '../schema.ts';
import type { Plans, StoredPlan } from './plans.ts';

const MAX_CACHED_RUNS = 32;

const RUN_COLUMNS = [
  'id',
  'plan_hash',
  'state',
  'root_ts',
  'created_at',
  'finished_at',
  'held',
  'root_lost',
  'cancelled_team',
  'cancelled_user',
  'output_retired_at',
] as const;

type RunRow = Pick<Selectable<RunTable>, (typeof RUN_COLUMNS)[number]> & {
  readonly unread: string | null;
  readonly phase: RolloutTable['phase'] | null;
  readonly batch: number | null;
  readonly failures: number | null;
  readonly since: number | null;
  readonly later: number;
};

/** Jobs that wait for a batch to come; of a run without any, nothing is looked at. */
const LATER = sql<number>`case when rollout.run_id is null then 0 else (
  select count(*) from job
  where job.run_id = run.id and job.state = 'queued' and job.position >= rollout.starts_before) end`;

function runsOf(db: Kysely<Schema>) {
  return db
    .selectFrom('run')
    .leftJoin('place', 'place.channel_id', 'run.channel_id')
    .leftJoin('rollout', 'rollout.run_id', 'run.id')
    .select(RUN_COLUMNS)
    .select(['place.error as unread', 'phase', 'batch', 'failures', 'rollout.since', LATER.as('later')]);
}

/** Rows → runs and jobs. */
export class Records {
  readonly #db: Kysely<Schema>;
  readonly #plans: Plans;
  /** Nothing leaves that state; and while its thread is filled, a run is asked for once a row. */
  readonly #finished = new Map<string, Run>();

  /** Where other processes change runs as well, nothing is remembered. */
  readonly #how: 'remembered' | 'asked-anew';

  constructor(db: Kysely<Schema>, plans: Plans, how: 'remembered' | 'asked-anew') {
    this.#how = how;
    this.#db = db;
    this.#plans = plans;
  }

  async findRun(runId: string): Promise<Run | undefined> {
    const known = this.#finished.get(runId.toLowerCase());
    if (known !== undefined) return known;
    const rows = await runsOf(this.#db)
      .where('id', '=', runId.toLowerCase())
      .where('gone_at', 'is', null)
      .execute();
    return (await this.#toRuns(rows))[0];
  }

  async findGoneRun(runId: string): Promise<GoneRun | undefined> {
    const row = await this.#db
      .selectFrom('run')
      .select(['id', 'team_id', 'user_id', 'channel_id', 'gone_at'])
      .where('id', '=', runId.toLowerCase())
      .executeTakeFirst();
    if (row === undefined || row.gone_at === null) return undefined;
    const requester = { teamId: row.team_id, userId: row.user_id };
    return { id: row.id, requester, channelId: row.channel_id, goneAt: row.gone_at };
  }

  /** It has changed in a state that nothing else leaves. */
  forget(runId: string): void {
    this.#finished.delete(runId);
  }

  async listRuns(count: number, whose?: RunsOf): Promise<readonly Run[]> {
    // Out of the index `run_listed` alone: only of what is listed is more than that read.
    let listed = this.#db
      .selectFrom('run')
      .select('number')
      .where('gone_at', 'is', null)
      .orderBy('number', 'desc')
      .limit(Math.max(0, Math.floor(count)));
    if (whose !== undefined) {
      const { teamId, userId } = 'by' in whose ? whose.by : whose.notBy;
      listed = listed.where((run) => {
        const isTheirs = run.and({ team_id: teamId, user_id: userId });
        return 'by' in whose ? isTheirs : run.not(isTheirs);
      });
    }
    const rows = await runsOf(this.#db).where('number', 'in', listed).orderBy('number', 'desc').execute();
    return this.#toRuns(rows);
  }

  async openRuns(): Promise<readonly Run[]> {
    const rows = await runsOf(this.#db).where('finished_at', 'is', null).orderBy('number').execute();
    return this.#toRuns(rows);
  }

  async listJobs(runId: string): Promise<readonly Job[]> {
    const jobs: Job[] = [];
    for (let from = 0; ; from += ROWS_AT_ONCE) {
      const rows = await jobsOf(this.#db, runId.toLowerCase())
        .where('position', '>=', from)
        .where('position', '<', from + ROWS_AT_ONCE)
        .orderBy('position')
        .execute();
      if (rows.length === 0) return jobs;
      jobs.push(...rows.map((row) => toJob(row, null)));
      await breathe();
    }
  }

  async findJob(runId: string, host: string): Promise<Job | undefined> {
    const jobs = jobsOf(this.#db, runId.toLowerCase())
      .leftJoin('output', 'output.job_id', 'job.id')
      .select('output.streams_json');
    const row =
      (await jobs.where('host', '=', host).executeTakeFirst()) ??
      // In any other case than the inventory's: by hand, so rare enough to look through the whole run.
      (await jobs.where((job) => job(job.fn('lower', ['host']), '=', host.toLowerCase())).executeTakeFirst());
    return row && toJob(row, row.streams_json);
  }

  async #toRuns(rows: readonly RunRow[]): Promise<Run[]> {
    if (rows.length === 0) return [];
    const progress = await countJobs(
      this.#db,
      rows.map((row) => row.id),
    );
    const runs: Run[] = [];
    for (const row of rows) {
      const run = toRun(
        row,
        await this.#plans.find(this.#db, row.id),
        progress.get(row.id) ?? { queued: 0, running: 0, settled: {} },
      );
      if (run.state === 'finished' && this.#how === 'remembered') keep(this.#finished, run.id, run);
      runs.push(run);
      // Plans can be long, and a list of runs has many.
      if (rows.length > 1) await breathe();
    }
    return runs;
  }
}

function toRun(row: RunRow, { plan, isIntact }: StoredPlan, progress: Progress): Run {
  return {
    id: row.id,
    plan,
    planHash: row.plan_hash,
    state: row.state,
    createdAt: row.created_at,
    progress,
    ...(isIntact ? {} : { isTampered: true as const }),
    ...(row.root_ts !== null && { rootTs: row.root_ts }),
    ...(row.finished_at !== null && { finishedAt: row.finished_at }),
    ...(row.output_retired_at !== null && { outputGoneAt: row.output_retired_at }),
    ...(row.held !== null && { held: row.held }),
    ...(row.unread !== null && { unread: row.unread }),
    ...(row.phase !== null &&
      row.batch !== null &&
      row.failures !== null && {
        rollout: {
          phase: row.phase,
          batch: row.batch,
          failures: row.failures,
          later: row.later,
          ...whenOf(row, plan),
        },
      }),
    ...(row.root_lost > 0 && { isReposted: true as const }),
    ...(row.cancelled_team !== null &&
      row.cancelled_user !== null && {
        cancelledBy: { teamId: row.cancelled_team, userId: row.cancelled_user },
      }),
  };
}

function whenOf({ since, phase }: RunRow, plan: Plan): Pick<RolloutStand, 'nextAt' | 'answerBy'> {
  if (since === null) return {};
  return phase === 'waiting'
    ? { nextAt: since + (plan.rollout?.waitMs ?? 0) }
    : { answerBy: since + ANSWER_WITHIN_MS };
}

/** As the newest; the one that was not asked for the longest goes. */
function keep<T>(cache: Map<string, T>, key: string, value: T): void {
  cache.delete(key);
  cache.set(key, value);
  const [oldest] = cache.keys();
  if (oldest !== undefined && cache.size > MAX_CACHED_RUNS) cache.delete(oldest);
}

export async function countJobs(
  db: Kysely<Schema>,
  runIds: readonly string[],
): Promise<ReadonlyMap<string, Progress>> {
  const rows = await db
    .selectFrom('job')
    .select(['run_id', 'state', 'kind', (column) => column.fn.countAll<number>().as('jobs')])
    .where('run_id', 'in', runIds)
    .groupBy(['run_id', 'state', 'kind'])
    .execute();
  const counted = new Map<string, { queued: number; running: number; settled: Record<string, number> }>();
  for (const { run_id, state, kind, jobs } of rows) {
    const progress = counted.get(run_id) ?? { queued: 0, running: 0, settled: {} };
    counted.set(run_id, progress);
    if (state === 'settled') progress.settled[kind ?? ''] = jobs;
    else progress[state] = jobs;
  }
  return counted;
}

export const jobsOf = (db: Kysely<Schema>, runId: string) =>
  db
    .selectFrom('job')
    .leftJoin('result', 'result.job_id', 'job.id')
    .select(['id', 'run_id', 'host', 'state', 'kind', 'started_at', 'ended_at', 'outcome_json'])
    .where('run_id', '=', runId);

type JobRow = Awaited<ReturnType<ReturnType<typeof jobsOf>['execute']>>[number];

export function toJob(row: JobRow, streamsJson: string | null): Job {
  const outcome = toOutcome(row.kind, row.outcome_json, streamsJson);
  return {
    id: row.id,
    runId: row.run_id,
    host: row.host,
    state: row.state,
    ...(row.started_at !== null && { startedAt: row.started_at }),
    ...(row.ended_at !== null && { endedAt: row.ended_at }),
    ...(outcome !== undefined && { outcome }),
  };
}
