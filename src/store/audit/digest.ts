import { createHash } from 'node:crypto';
import type { Kysely, Selectable } from 'kysely';
import { breathe } from '../../time/breathe.ts';
import { ROWS_AT_ONCE } from '../jobs/pieces.ts';
import type { RunTable, Schema } from '../schema.ts';
import { sha256 } from './sha256.ts';

/**
 * What the entry of a run's end speaks for. `outputs`: all that is stored of it, what hosts said included.
 * `outcomes`: how each host ended, as releases before 0.2 recorded it; not what it said, why, and when.
 */
export type Cover = 'outputs' | 'outcomes';

export const RUN_DIGESTED = [
  'id',
  'number',
  'action',
  'team_id',
  'user_id',
  'channel_id',
  'created_at',
  'cancelled_at',
  'cancelled_team',
  'cancelled_user',
  'finished_at',
] as const;
export type DigestedRun = Pick<Selectable<RunTable>, (typeof RUN_DIGESTED)[number]>;

const BESIDE_ID = [
  'position',
  'host',
  'kind',
  'started_at',
  'ended_at',
  'outcome_json',
  'fold',
  'exit_code',
  'duration_ms',
  'output_chars',
  'output_hash',
] as const;
const JOB_DIGESTED = ['id', ...BESIDE_ID] as const;
export type DigestedJob = Record<(typeof JOB_DIGESTED)[number], string | number | null>;

/**
 * One hash over a run and its jobs in plan order. Over the columns as they are, the texts byte for byte: a later
 * release must not rewrite what it has recorded, or the chain no longer vouches for it. Of the output it takes the
 * hash that was stored with the result, so that the digest can still be told when the output was retired.
 */
export class RunDigest {
  readonly #hash = createHash('sha256');
  readonly #cover: Cover;

  constructor(run: DigestedRun, cover: Cover) {
    this.#cover = cover;
    if (cover === 'outputs') this.#add(RUN_DIGESTED.map((column) => run[column]));
  }

  /** A `SyntaxError` where a stored result is none any more. */
  add(job: DigestedJob): void {
    this.#add(this.#cover === 'outputs' ? JOB_DIGESTED.map((column) => job[column]) : outcomeOf(job));
  }

  hex(): string {
    return this.#hash.digest('hex');
  }

  #add(values: readonly unknown[]): void {
    this.#hash.update(`${JSON.stringify(values)}\n`);
  }
}

/** As it was recorded before 0.2. */
function outcomeOf({ host, kind, outcome_json }: DigestedJob): readonly unknown[] {
  const outcome: EarlierOutcome | undefined =
    outcome_json === null ? undefined : JSON.parse(String(outcome_json));
  const saidNothing = outcome && EMPTY;
  return [
    host,
    kind,
    outcome?.exitCode ?? null,
    outcome?.signal ?? null,
    outcome?.stdout?.sha256 ?? saidNothing ?? null,
    outcome?.stderr?.sha256 ?? saidNothing ?? null,
    outcome?.file?.sha256 ?? null,
    outcome?.durationMs ?? null,
  ];
}

interface EarlierOutcome {
  readonly exitCode?: number | null;
  readonly signal?: string | null;
  readonly stdout?: { readonly sha256: string };
  readonly stderr?: { readonly sha256: string };
  readonly file?: { readonly sha256: string };
  readonly durationMs?: number;
}

const EMPTY = sha256('');

/** Of what a job said, as it is stored; null where it said nothing. */
export function hashOutput(streamsJson: string | null): string | null {
  return streamsJson === null ? null : sha256(streamsJson);
}

/** Jobs with all that is digested of them. */
export const selectDigestedJobs = (db: Kysely<Schema>) =>
  db
    .selectFrom('job')
    .leftJoin('result', 'result.job_id', 'job.id')
    .select(['job.id', ...BESIDE_ID]);

/** For the entry of a run's end: the run as it is stored now. */
export async function digestRun(
  db: Kysely<Schema>,
  runId: string,
  cover: Cover = 'outputs',
): Promise<string> {
  const run = await db
    .selectFrom('run')
    .select(RUN_DIGESTED)
    .where('id', '=', runId)
    .executeTakeFirstOrThrow();
  const digest = new RunDigest(run, cover);
  for (let from = 0; ; from += ROWS_AT_ONCE) {
    const jobs = await selectDigestedJobs(db)
      .where('run_id', '=', runId)
      .where('position', '>=', from)
      .where('position', '<', from + ROWS_AT_ONCE)
      .orderBy('position')
      .execute();
    if (jobs.length === 0) return digest.hex();
    for (const job of jobs) digest.add(job);
    await breathe();
  }
}

/** Outputs that were stored before their hash was: of a run that went on while the bot was brought up to date. */
export async function hashEarlierOutputs(db: Kysely<Schema>, runId: string): Promise<void> {
  for (;;) {
    const output = await db
      .selectFrom('job')
      .innerJoin('result', 'result.job_id', 'job.id')
      .innerJoin('output', 'output.job_id', 'job.id')
      .select(['job.id', 'streams_json'])
      .where('run_id', '=', runId)
      .where('output_hash', 'is', null)
      .executeTakeFirst();
    if (output === undefined) return;
    await db
      .updateTable('result')
      .set({ output_hash: sha256(output.streams_json) })
      .where('job_id', '=', output.id)
      .execute();
    await breathe();
  }
}
