import type { Kysely } from 'kysely';
import type { TakenJob } from '../../../run/run.ts';
import type { Waits } from '../../../run/waits.ts';
import { Lanes, type QueuedRun } from '../../jobs/lanes.ts';
import { mayStart } from '../../rollout/waiting.ts';
import type { Plans } from '../../runs/plans.ts';
import type { ServerSchema } from '../server-schema.ts';

export interface MapLimits {
  readonly hostConcurrency: number;
  readonly personSlots: number;
}

/**
 * What waits and what is taken, over all processes, as the tables have it: each process keeps such a map, and brings
 * it up to date by the numbers of the changes since it last looked (`changed`), so that a look costs what has
 * happened, not what waits. Read within the transaction that takes jobs it is exact, as those come one after the
 * other; so fan-out, hosts' and people's limits hold over all processes, and so does who has the fewest. Only whose turn it
 * is among equals each process remembers for itself.
 */
export class QueueMap {
  readonly #plans: Plans;
  readonly #limits: MapLimits;
  readonly #clock: () => number;
  #lanes: Lanes;
  #runs = new Map<string, QueuedRun>();
  /** Jobs that have their outcome, and keep their hosts' lanes until then. */
  readonly #kept = new Map<string, number>();
  /** The last changes that are in here; undefined: all is to be read anew. */
  #seen: { run: number; job: number } | undefined;

  /** `clock`: the server's. */
  constructor(plans: Plans, limits: MapLimits, clock: () => number) {
    this.#clock = clock;
    this.#plans = plans;
    this.#limits = limits;
    this.#lanes = new Lanes(limits.hostConcurrency, limits.personSlots);
  }

  /** What is in here may not be what was committed. */
  doubt(): void {
    this.#seen = undefined;
  }

  /** Whether anything has happened since. */
  async isBehind(db: Kysely<ServerSchema>): Promise<boolean> {
    if (this.#freed().length > 0) return true;
    const last = await lastChanges(db);
    return this.#seen === undefined || last.run > this.#seen.run || last.job > this.#seen.job;
  }

  async sync(db: Kysely<ServerSchema>): Promise<void> {
    if (this.#seen === undefined) {
      this.#lanes = new Lanes(this.#limits.hostConcurrency, this.#limits.personSlots);
      this.#runs = new Map();
      this.#kept.clear();
      // Before the rows are read: what happens meanwhile is found again, and changes nothing then.
      const seen = await lastChanges(db);
      for (const run of await runsOf(db).where('finished_at', 'is', null).orderBy('number').execute()) {
        await this.#readRun(db, run);
      }
      await this.#readKept(db);
      this.#seen = seen;
      return;
    }
    const { run: lastRun, job: lastJob } = this.#seen;
    const runs = await runsOf(db).where('changed', '>', lastRun).orderBy('changed').execute();
    for (const run of runs) await this.#readRun(db, run);
    const jobs = await db
      .selectFrom('job')
      .select(['id', 'run_id as runId', 'host', 'state', 'worker', 'changed', 'kept_until as keptUntil'])
      .where('changed', '>', lastJob)
      .orderBy('changed')
      .execute();
    for (const job of jobs) this.#readJob(job);
    for (const id of this.#freed()) {
      this.#kept.delete(id);
      this.#lanes.remove(id);
    }
    this.#seen = {
      run: runs.at(-1)?.changed ?? lastRun,
      job: jobs.at(-1)?.changed ?? lastJob,
    };
  }

  take(count: number): readonly TakenJob[] {
    return this.#lanes.take(count);
  }

  waits(runIds: ReadonlySet<string>): ReadonlyMap<string, Waits> {
    return this.#lanes.waits(runIds);
  }

  async #readRun(db: Kysely<ServerSchema>, row: RunRow): Promise<void> {
    const { id } = row;
    const isOpen =
      row.state === 'open' && row.held === null && row.cancelled_at === null && row.unread === null;
    if (row.state === 'finished') {
      this.#runs.delete(id);
      this.#plans.release(id);
      return;
    }
    if (!isOpen) {
      this.#lanes.withdraw(id);
      this.#runs.delete(id);
    }
    if (row.state === 'opening') return;
    const { fanOut, requester } = (await this.#plans.find(db, id)).plan;
    const run = { id, person: personOf(requester.teamId, requester.userId), fanOut };
    if (isOpen) this.#runs.set(id, run);
    let jobs = db
      .selectFrom('job')
      .select(['id', 'run_id as runId', 'host', 'worker'])
      .where('run_id', '=', id)
      .where('state', '<>', 'settled')
      .orderBy('position');
    // Of a rollout what may start; what was taken may run also where no more does.
    jobs = isOpen
      ? jobs.where((job) => job.or([job('worker', 'is not', null), mayStart]))
      : jobs.where('worker', 'is not', null);
    const rows = await jobs.execute();
    this.#lanes.add(
      run,
      rows.map(({ id, runId, host }) => ({ id, runId, host })),
    );
    for (const { id, worker } of rows) if (worker !== null) this.#lanes.hold(id);
  }

  /** Their runs may be over. */
  async #readKept(db: Kysely<ServerSchema>): Promise<void> {
    const rows = await db
      .selectFrom('job')
      .innerJoin('run', 'run.id', 'job.run_id')
      .select(['job.id', 'run_id as runId', 'host', 'team_id', 'user_id', 'kept_until'])
      .where('kept_until', '>', this.#clock())
      .execute();
    for (const { id, runId, host, team_id, user_id, kept_until } of rows) {
      if (kept_until === null) continue;
      const run = this.#runs.get(runId) ?? { id: runId, person: personOf(team_id, user_id), fanOut: 1 };
      this.#lanes.add(run, [{ id, runId, host }]);
      this.#lanes.keepLane(id);
      this.#kept.set(id, kept_until);
    }
  }

  /** Those that keep their lanes no more. */
  #freed(): readonly string[] {
    const now = this.#clock() - CLOCK_SLACK_MS;
    return [...this.#kept].filter(([, until]) => until <= now).map(([id]) => id);
  }

  #readJob({ id, runId, host, state, worker, keptUntil }: JobRow): void {
    if (state !== 'settled' && worker !== null) {
      this.#lanes.hold(id);
      return;
    }
    if (keptUntil !== null && keptUntil > this.#clock()) {
      this.#lanes.keepLane(id);
      this.#kept.set(id, keptUntil);
      return;
    }
    this.#lanes.remove(id);
    const run = this.#runs.get(runId);
    // Somebody gave it back.
    if (state !== 'settled' && run !== undefined) this.#lanes.add(run, [{ id, runId, host }]);
  }
}

/** The server is asked in the end: what it would not give is read anew, all of it. */
const CLOCK_SLACK_MS = 300;

function personOf(teamId: string, userId: string): string {
  return `${teamId} ${userId}`;
}

interface JobRow extends TakenJob {
  readonly state: string;
  readonly worker: string | null;
  readonly keptUntil: number | null;
}

function runsOf(db: Kysely<ServerSchema>) {
  return db
    .selectFrom('run')
    .leftJoin('place', 'place.channel_id', 'run.channel_id')
    .select(['run.id', 'run.state', 'run.held', 'run.cancelled_at', 'run.changed', 'place.error as unread']);
}

type RunRow = Awaited<ReturnType<ReturnType<typeof runsOf>['execute']>>[number];

async function lastChanges(db: Kysely<ServerSchema>): Promise<{ run: number; job: number }> {
  const { run, job } = await db
    .selectNoFrom((from) => [
      from
        .selectFrom('run')
        .select(({ fn }) => fn.max('changed').as('last'))
        .as('run'),
      from
        .selectFrom('job')
        .select(({ fn }) => fn.max('changed').as('last'))
        .as('job'),
    ])
    .executeTakeFirstOrThrow();
  return { run: run ?? 0, job: job ?? 0 };
}
