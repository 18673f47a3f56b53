import type { Kysely } from 'kysely';
import { breathe } from '../../time/breathe.ts';
import type { Schema } from '../schema.ts';
import { hashOutput, RUN_DIGESTED, RunDigest, selectDigestedJobs } from './digest.ts';
import type { Findings } from './findings.ts';
import type { RetiredRuns } from './gone.ts';
import { sha256 } from './sha256.ts';
import { findWitnesses, type Witness } from './witness.ts';

/** A plan on 10,000 hosts is a megabyte, an output up to a quarter of one. */
const RUNS_AT_ONCE = 16;
const JOBS_AT_ONCE = 64;

/**
 * The chain says what was accepted and how it ended; the tables must say the same. Runs and jobs are walked side by
 * side, both in the order of the runs' ids, so that neither is ever in memory as a whole.
 */
export async function verifyRuns(
  db: Kysely<Schema>,
  retired: RetiredRuns,
  findings: Findings,
): Promise<void> {
  const jobs = walkJobs(db);
  let next = await jobs.next();
  let ofEarlier = 0;
  const strays = (runId: string): void => findings.fault(`job rows of ${runId}, a run that is not stored`);
  for await (const { run, witness } of walkRuns(db)) {
    for (let stray = ''; next.done !== true && next.value.run_id < run.id; next = await jobs.next()) {
      if (stray !== next.value.run_id) strays(next.value.run_id);
      stray = next.value.run_id;
    }
    const check = retired.withoutRows.has(run.id)
      ? new StubCheck(run, witness)
      : new RunCheck(run, witness, retired.withoutOutput.has(run.id));
    for (; next.done !== true && next.value.run_id === run.id; next = await jobs.next())
      check.add(next.value);
    for (const fault of check.close()) findings.fault(`run ${run.id}${fault}`);
    if (witness.end?.cover === 'outcomes') ofEarlier++;
  }
  for (let stray = ''; next.done !== true; next = await jobs.next()) {
    if (stray !== next.value.run_id) strays(next.value.run_id);
    stray = next.value.run_id;
  }
  for (const table of ['result', 'output'] as const) {
    const { rows } = await db
      .selectFrom(table)
      .select(({ fn }) => fn.countAll<number>().as('rows'))
      .where(({ not, exists, selectFrom }) =>
        not(exists(selectFrom('job').select('job.id').whereRef('job.id', '=', `${table}.job_id`))),
      )
      .executeTakeFirstOrThrow();
    if (rows > 0) findings.fault(`${table} rows of no job: ${rows}`);
  }
  if (ofEarlier > 0) {
    findings.note(
      `runs that ended before 0.2: ${ofEarlier}; of these how each host ended is covered, not what it said, why, and when`,
    );
  }
}

type StoredRun = Awaited<ReturnType<typeof readRuns>>[number];
type StoredJob = Awaited<ReturnType<typeof readJobs>>[number];

/** Of a run that was retired: it counts as gone, and the rest of its rows is on its way out. */
class StubCheck {
  readonly #run: StoredRun;
  readonly #witness: Witness;

  constructor(run: StoredRun, witness: Witness) {
    this.#run = run;
    this.#witness = witness;
  }

  add(_job: StoredJob): void {}

  close(): readonly string[] {
    const { gone_at, plan_hash, digest, number } = this.#run;
    const { planHash, end } = this.#witness;
    if (gone_at === null) return [' was retired, and is stored as if it were not'];
    const isLeft =
      plan_hash === planHash && digest === end?.digest && number === (this.#witness.number ?? number);
    return isLeft ? [] : [': what is left of it is not what was recorded'];
  }
}

/** One run's rows against what its entries say. */
class RunCheck {
  readonly #run: StoredRun;
  readonly #witness: Witness;
  readonly #isOutputGone: boolean;
  readonly #digest: RunDigest | undefined;
  #jobs = 0;
  #isReadable = true;
  readonly #changed: string[] = [];

  constructor(run: StoredRun, witness: Witness, isOutputGone: boolean) {
    this.#run = run;
    this.#witness = witness;
    this.#isOutputGone = isOutputGone;
    this.#digest = witness.end && new RunDigest(run, witness.end.cover);
  }

  add(job: StoredJob): void {
    this.#jobs++;
    try {
      this.#digest?.add(job);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      this.#isReadable = false;
    }
    const isCovered = job.output_hash !== null || this.#witness.end?.cover === 'outputs';
    const isRetired = this.#isOutputGone && job.streams_json === null;
    if (isCovered && !isRetired && hashOutput(job.streams_json) !== job.output_hash) {
      this.#changed.push(job.host);
    }
  }

  /** Each goes on from the run's name. */
  close(): readonly string[] {
    const { planHash, number, jobs, end } = this.#witness;
    const { state, plan_json, plan_hash } = this.#run;
    const faults: string[] = [];
    if (planHash === undefined) faults.push(' has no entry "accepted"');
    if (sha256(plan_json) !== (planHash ?? plan_hash)) {
      faults.push(': the stored plan is not the one that was accepted');
    }
    if (number !== undefined && number !== this.#run.number) {
      faults.push(`: it was accepted as number ${number}, and is stored as number ${this.#run.number}`);
    }
    if (jobs !== undefined && jobs !== this.#jobs) {
      faults.push(`: it was accepted on ${jobs} hosts, and is stored with ${this.#jobs}`);
    }
    if (state === 'finished' && end === undefined) faults.push(' ended without an entry that says how');
    if (state !== 'finished' && end !== undefined) faults.push(' has ended, and is stored as if it went on');
    if (end !== undefined && (!this.#isReadable || this.#digest?.hex() !== end.digest)) {
      faults.push(': the stored results are not those that were recorded');
    }
    const [first] = this.#changed;
    if (first !== undefined) {
      const others = this.#changed.length - 1;
      faults.push(
        `: the stored output of ${first}${others === 0 ? '' : ` and of ${others} more`} is not what was recorded`,
      );
    }
    return faults;
  }
}

async function* walkRuns(
  db: Kysely<Schema>,
): AsyncGenerator<{ readonly run: StoredRun; readonly witness: Witness }> {
  for (let after = ''; ; ) {
    const runs = await readRuns(db, after);
    const last = runs.at(-1);
    if (last === undefined) return;
    const witnesses = await findWitnesses(
      db,
      runs.map(({ id }) => id),
    );
    for (const run of runs) yield { run, witness: witnesses.get(run.id) ?? {} };
    after = last.id;
    await breathe();
  }
}

function readRuns(db: Kysely<Schema>, after: string) {
  return db
    .selectFrom('run')
    .select(RUN_DIGESTED)
    .select(['state', 'plan_json', 'plan_hash', 'digest', 'gone_at'])
    .where('id', '>', after)
    .orderBy('id')
    .limit(RUNS_AT_ONCE)
    .execute();
}

async function* walkJobs(db: Kysely<Schema>): AsyncGenerator<StoredJob, undefined> {
  for (let runId = '', position = -1; ; ) {
    const jobs = await readJobs(db, runId, position);
    const last = jobs.at(-1);
    if (last === undefined) return undefined;
    yield* jobs;
    ({ run_id: runId, position } = last);
    await breathe();
  }
}

function readJobs(db: Kysely<Schema>, runId: string, position: number) {
  return selectDigestedJobs(db)
    .leftJoin('output', 'output.job_id', 'job.id')
    .select(['run_id', 'streams_json'])
    .where(({ eb, refTuple, tuple }) => eb(refTuple('run_id', 'position'), '>', tuple(runId, position)))
    .orderBy('run_id')
    .orderBy('position')
    .limit(JOBS_AT_ONCE)
    .execute();
}
