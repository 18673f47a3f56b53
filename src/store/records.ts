import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { Kysely, Selectable } from 'kysely';
import { NO_OUTPUT, type Outcome, type OutcomeKind, type StreamText } from '../run/outcome.ts';
import type { GoneRun, Job, Progress, Run } from '../run/run.ts';
import type { Plans, StoredPlan } from './plans.ts';
import type { RunTable, Schema } from './schema.ts';

/** SQLite calls stop the process for as long as they take; so many rows at once are a few milliseconds. */
export const ROWS_AT_ONCE = 500;
const MAX_CACHED_RUNS = 32;

/** Lets waiting input and timers through, between two pieces of a long transaction too. */
export const breathe = (): Promise<void> => setImmediate();

export function* inChunks<T>(items: readonly T[], size = ROWS_AT_ONCE): Generator<readonly T[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size);
}

const RUN_COLUMNS = [
  'id',
  'plan_hash',
  'state',
  'root_ts',
  'created_at',
  'finished_at',
  'held',
  'cancelled_team',
  'cancelled_user',
  'output_gone_at',
] as const;

type RunRow = Pick<Selectable<RunTable>, (typeof RUN_COLUMNS)[number]>;

/** Rows → runs and jobs. */
export class Records {
  readonly #db: Kysely<Schema>;
  readonly #plans: Plans;
  /** Nothing leaves that state; and while its thread is filled, a run is asked for once a row. */
  readonly #finished = new Map<string, Run>();

  constructor(db: Kysely<Schema>, plans: Plans) {
    this.#db = db;
    this.#plans = plans;
  }

  async findRun(runId: string): Promise<Run | undefined> {
    const known = this.#finished.get(runId.toLowerCase());
    if (known !== undefined) return known;
    const rows = await this.#db
      .selectFrom('run')
      .select(RUN_COLUMNS)
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

  /** What is known of these is not so any more. */
  forget(runIds: readonly string[]): void {
    for (const id of runIds) this.#finished.delete(id);
  }

  async listRuns(count: number): Promise<readonly Run[]> {
    const rows = await this.#db
      .selectFrom('run')
      .select(RUN_COLUMNS)
      .where('gone_at', 'is', null)
      .orderBy('number', 'desc')
      .limit(Math.max(0, Math.floor(count)))
      .execute();
    return this.#toRuns(rows);
  }

  async openRuns(): Promise<readonly Run[]> {
    const rows = await this.#db
      .selectFrom('run')
      .select(RUN_COLUMNS)
      .where('finished_at', 'is', null)
      .orderBy('number')
      .execute();
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
      if (run.state === 'finished') keep(this.#finished, run.id, run);
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
    ...(row.output_gone_at !== null && { outputGoneAt: row.output_gone_at }),
    ...(row.held !== null && { held: row.held }),
    ...(row.cancelled_team !== null &&
      row.cancelled_user !== null && {
        cancelledBy: { teamId: row.cancelled_team, userId: row.cancelled_user },
      }),
  };
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

/** One hash over how every job ended, in plan order: what the audit says of a run's results. */
export async function digestOutcomes(db: Kysely<Schema>, runId: string): Promise<string> {
  const hash = createHash('sha256');
  for (let from = 0; ; from += ROWS_AT_ONCE) {
    const rows = await jobsOf(db, runId)
      .where('position', '>=', from)
      .where('position', '<', from + ROWS_AT_ONCE)
      .orderBy('position')
      .execute();
    if (rows.length === 0) return hash.digest('hex');
    for (const row of rows) {
      const outcome = toOutcome(row.kind, row.outcome_json, null);
      hash.update(
        `${JSON.stringify([
          row.host,
          row.kind,
          outcome?.exitCode ?? null,
          outcome?.signal ?? null,
          outcome?.stdout.sha256 ?? null,
          outcome?.stderr.sha256 ?? null,
          outcome?.file?.sha256 ?? null,
          outcome?.durationMs ?? null,
        ])}\n`,
      );
    }
    await breathe();
  }
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

// ── an outcome in two pieces: what it was, and what the host said ────────────────────────────────────────────

type StoredStream = Omit<StreamText, 'head' | 'tail'>;
type StoredOutcome = Omit<Outcome, 'kind' | 'stdout' | 'stderr'> & {
  readonly stdout?: StoredStream;
  readonly stderr?: StoredStream;
};
type StoredText = readonly [stdoutHead: string, stdoutTail: string, stderrHead: string, stderrTail: string];

export interface OutcomeTexts {
  readonly outcomeJson: string;
  /** Null where the host said nothing. */
  readonly streamsJson: string | null;
}

/** JSON also of the output: its escapes keep NUL bytes and halves of surrogate pairs whole in any database. */
export function formatOutcome(outcome: Outcome): OutcomeTexts {
  const { kind: _, stdout, stderr, ...rest } = outcome;
  const stored: StoredOutcome = {
    ...rest,
    ...(stdout.totalBytes > 0 && { stdout: measures(stdout) }),
    ...(stderr.totalBytes > 0 && { stderr: measures(stderr) }),
  };
  const text: StoredText = [stdout.head, stdout.tail, stderr.head, stderr.tail];
  return {
    outcomeJson: JSON.stringify(stored),
    streamsJson: text.some((part) => part !== '') ? JSON.stringify(text) : null,
  };
}

function measures({ totalBytes, omittedBytes, binary, sha256, spool }: StreamText): StoredStream {
  return { totalBytes, omittedBytes, binary, sha256, ...(spool === undefined ? {} : { spool }) };
}

function toOutcome(
  kind: OutcomeKind | null,
  outcomeJson: string | null,
  streamsJson: string | null,
): Outcome | undefined {
  if (kind === null || outcomeJson === null) return undefined;
  const stored = JSON.parse(outcomeJson) as StoredOutcome;
  const text = streamsJson === null ? undefined : (JSON.parse(streamsJson) as StoredText);
  return {
    ...stored,
    kind,
    stdout: toStream(stored.stdout, text?.[0], text?.[1]),
    stderr: toStream(stored.stderr, text?.[2], text?.[3]),
  };
}

/** Without its text, a stream says that all of it was left out, which is so. */
function toStream(
  stored: StoredStream | undefined,
  head: string | undefined,
  tail: string | undefined,
): StreamText {
  if (stored === undefined) return NO_OUTPUT;
  if (head === undefined || tail === undefined) {
    return { ...stored, head: '', tail: '', omittedBytes: stored.totalBytes };
  }
  return { ...stored, head, tail };
}
