import { randomBytes } from 'node:crypto';
import type { Kysely, Transaction } from 'kysely';
import type { Approved } from '../policy/approved.ts';
import type { AuditedRefusal, EndedJob } from '../ports.ts';
import { bareOutcome } from '../run/outcome.ts';
import { canonicalPlan, type Plan, type Requester } from '../run/plan.ts';
import { formatRunId, type Job } from '../run/run.ts';
import { appendAudit, NOBODY } from './audit.ts';
import { closeRun, finishRuns, type Ledger, settleJobs, skipQueued } from './jobs.ts';
import { touchRoots } from './outbox.ts';
import { breathe, inChunks, sha256 } from './records.ts';
import type { Schema } from './schema.ts';

/** Four letters are a million names; where one is taken this often in a row, the next names are longer. */
const TRIES_PER_LENGTH = 4;
const SHORTEST_ID = 4;

/** Puts the run down. The same request twice finds the first run. */
export async function createRun(
  ledger: Ledger,
  approved: Approved<Plan>,
  requestKey: string,
): Promise<{ readonly runId: string; readonly isNew: boolean }> {
  // The command stays as it is, or a run that goes on after a restart would do something else. What is only
  // there to be read is masked.
  const plan: Plan = { ...approved, typed: ledger.mask(approved.typed) };
  const planJson = canonicalPlan(plan);
  const planHash = sha256(planJson);
  await breathe();
  return ledger.db.transaction().execute(async (trx) => {
    const first = await trx
      .selectFrom('run')
      .select('id')
      .where('request_key', '=', requestKey)
      .executeTakeFirst();
    if (first !== undefined) return { runId: first.id, isNew: false };

    const at = ledger.now();
    const runId = await nameRun(trx);
    const { count } = await trx
      .selectFrom('run')
      .select((run) => run.fn.coalesce(run.fn.max('number'), run.lit(0)).as('count'))
      .executeTakeFirstOrThrow();
    await trx
      .insertInto('run')
      .values({
        id: runId,
        number: count + 1,
        request_key: requestKey,
        plan_json: planJson,
        plan_hash: planHash,
        action: plan.work.action,
        team_id: plan.requester.teamId,
        user_id: plan.requester.userId,
        channel_id: plan.channelId,
        state: 'opening',
        created_at: at,
      })
      .execute();
    const jobs = plan.targets.map(({ host, skip }, position) => ({
      id: formatJobId(at, position),
      host,
      position,
      skip,
    }));
    for (const chunk of inChunks(jobs)) {
      await trx
        .insertInto('job')
        .values(
          chunk.map(({ id, host, position }) => ({ id, run_id: runId, position, host, state: 'queued' })),
        )
        .execute();
      await breathe();
    }
    const skipped = jobs.flatMap(({ id, host, skip }): EndedJob[] =>
      skip === undefined ? [] : [{ job: { id, runId, host }, outcome: bareOutcome('skipped', skip) }],
    );
    if (skipped.length > 0) await settleJobs(trx, skipped, 'queued', at);
    await appendAudit(
      trx,
      {
        at,
        by: plan.requester,
        action: 'accepted',
        runId,
        channelId: plan.channelId,
        detail: acceptedDetail(ledger, plan, planHash),
      },
      ledger.auditLines,
    );
    return { runId, isNew: true };
  });
}

function acceptedDetail(ledger: Ledger, plan: Plan, planHash: string): Readonly<Record<string, unknown>> {
  const { work } = plan;
  const words =
    work.action === 'run' ? { command: work.command } : { local: work.local, remote: work.remote };
  return {
    planHash,
    action: work.action,
    ...Object.fromEntries(Object.entries(words).map(([key, text]) => [key, ledger.mask(text)])),
    ...(work.action === 'put' && { source: work.source }),
    count: plan.targets.length,
    skipped: plan.targets.filter(({ skip }) => skip !== undefined).length,
    fanOut: plan.fanOut,
    timeLimitMs: plan.timeLimitMs,
    typed: plan.typed,
    ...(plan.retryOf !== undefined && { retryOf: plan.retryOf }),
    hosts: plan.targets.map(({ host }) => host),
  };
}

async function nameRun(trx: Transaction<Schema>): Promise<string> {
  for (let tries = 0; ; tries++) {
    const id = formatRunId(randomBytes(SHORTEST_ID + Math.floor(tries / TRIES_PER_LENGTH)));
    const taken = await trx.selectFrom('run').select('id').where('id', '=', id).executeTakeFirst();
    if (taken === undefined) return id;
  }
}

/** UUID version 7: sorts by time, then by place in the plan; what queue engines take as an id. */
function formatJobId(at: number, position: number): string {
  const time = at.toString(16).padStart(12, '0');
  const high = ((position >>> 12) & 0xfff).toString(16).padStart(3, '0');
  const low = (0x8000 | (position & 0xfff)).toString(16);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${high}-${low}-${randomBytes(6).toString('hex')}`;
}

/** The root message stands: waiting jobs may start, and what was settled before may be told. */
export async function releaseRun(ledger: Ledger, runId: string, rootTs: string): Promise<void> {
  const wasOpening = await ledger.db.transaction().execute(async (trx) => {
    const at = ledger.now();
    const run = await trx
      .updateTable('run')
      .set({ state: 'open', root_ts: rootTs })
      .where('id', '=', runId)
      .where('state', '=', 'opening')
      .returning(['channel_id'])
      .executeTakeFirst();
    if (run === undefined) return false;
    await trx
      .insertInto('outbox')
      .values({
        key: `root:${runId}`,
        kind: 'root',
        turn: runId,
        run_id: runId,
        position: -1,
        channel_id: run.channel_id,
        lease_until: 0,
        attempts: 0,
        version: 1,
        ts: rootTs,
      })
      .execute();
    await trx
      .updateTable('outbox')
      .set({ due_at: at })
      .where('turn', '=', runId)
      .where('kind', '<>', 'root')
      .execute();
    await finishRuns(ledger, trx, [runId], at);
    return true;
  });
  if (wasOpening) await queueRun(ledger, runId);
}

/** Puts the waiting jobs of a released run into the lanes. */
export async function queueRun(ledger: Ledger, runId: string): Promise<void> {
  const run = await ledger.db
    .selectFrom('run')
    .select(['plan_json'])
    .where('id', '=', runId)
    .where('state', '=', 'open')
    .executeTakeFirst();
  if (run === undefined) return;
  const jobs = await ledger.db
    .selectFrom('job')
    .select(['id', 'run_id as runId', 'host'])
    .where('run_id', '=', runId)
    .where('state', '=', 'queued')
    .orderBy('position')
    .execute();
  const { fanOut } = JSON.parse(run.plan_json) as Plan;
  ledger.lanes.add(runId, fanOut, jobs);
}

/** There is no thread and there will be none: nothing runs, nothing is to be posted. */
export async function abandonRun(ledger: Ledger, runId: string, reason: string): Promise<void> {
  await ledger.db.transaction().execute(async (trx) => {
    const at = ledger.now();
    const run = await trx
      .selectFrom('run')
      .select(['team_id', 'user_id', 'channel_id'])
      .where('id', '=', runId)
      .where('state', '=', 'opening')
      .executeTakeFirst();
    if (run === undefined) return;
    const skipped = await skipQueued(trx, runId, reason, at);
    await trx
      .updateTable('outbox')
      .set({ given_up_at: at, due_at: null, error: reason })
      .where('turn', '=', runId)
      .execute();
    const digest = await closeRun(trx, runId, at);
    await appendAudit(
      trx,
      {
        at,
        by: { teamId: run.team_id, userId: run.user_id },
        action: 'refused',
        runId,
        channelId: run.channel_id,
        detail: { code: 'cannot-post', reason: ledger.mask(reason), skipped: skipped.length, digest },
      },
      ledger.auditLines,
    );
  });
}

export interface Cancelled {
  /** Jobs that will not start. */
  readonly skipped: readonly string[];
  readonly running: readonly Job[];
}

export function cancelRun(ledger: Ledger, runId: string, by: Requester): Promise<Cancelled> {
  return ledger.db.transaction().execute(async (trx) => {
    const at = ledger.now();
    const run = await trx
      .updateTable('run')
      .set({ cancelled_at: at, cancelled_team: by.teamId, cancelled_user: by.userId })
      .where('id', '=', runId)
      .where('finished_at', 'is', null)
      .where('cancelled_at', 'is', null)
      .returning('channel_id')
      .executeTakeFirst();
    const skipped =
      run === undefined ? [] : await skipQueued(trx, runId, 'the run was cancelled before its turn came', at);
    const running = await runningJobs(trx, runId);
    if (run !== undefined) {
      await appendAudit(
        trx,
        {
          at,
          by,
          action: 'cancelled',
          runId,
          channelId: run.channel_id,
          detail: { skipped: skipped.length, running: running.map(({ host }) => host) },
        },
        ledger.auditLines,
      );
      await finishRuns(ledger, trx, [runId], at);
      await touchRoots(trx, [runId], at);
    }
    return { skipped, running };
  });
}

async function runningJobs(db: Kysely<Schema>, runId: string): Promise<readonly Job[]> {
  const rows = await db
    .selectFrom('job')
    .select(['id', 'host', 'started_at'])
    .where('run_id', '=', runId)
    .where('state', '=', 'running')
    .orderBy('position')
    .execute();
  return rows.map(({ id, host, started_at }) => ({
    id,
    runId,
    host,
    state: 'running',
    ...(started_at !== null && { startedAt: started_at }),
  }));
}

/** Tells the jobs that will not start. */
export function skipJobs(
  ledger: Ledger,
  runId: string,
  hosts: readonly string[],
  reason: string,
): Promise<readonly string[]> {
  return ledger.db.transaction().execute(async (trx) => {
    const at = ledger.now();
    const skipped = await skipQueued(trx, runId, reason, at, hosts);
    if (skipped.length > 0) await finishRuns(ledger, trx, [runId], at);
    return skipped;
  });
}

export async function recordRefusal(ledger: Ledger, refusal: AuditedRefusal): Promise<void> {
  const { requester, channelId, typed, code, reason } = refusal;
  await ledger.db.transaction().execute((trx) =>
    appendAudit(
      trx,
      {
        at: ledger.now(),
        by: requester,
        action: 'refused',
        runId: null,
        channelId,
        detail: { code, reason: ledger.mask(reason), typed: ledger.mask(typed) },
      },
      ledger.auditLines,
    ),
  );
}

const WAS_RUNNING =
  'the bot was stopped while this ran; the command may or may not have run to its end, and is not run again';

/**
 * At the start, before anything is handed out: what a former process left running is of unknown fate. It is
 * reported, never run again.
 */
export function settleInterrupted(ledger: Ledger): Promise<number> {
  return ledger.db.transaction().execute(async (trx) => {
    const at = ledger.now();
    const left = await trx
      .selectFrom('job')
      .innerJoin('run', 'run.id', 'job.run_id')
      .select(['job.id', 'job.run_id as runId', 'job.host', 'run.team_id', 'run.user_id', 'run.channel_id'])
      .where('job.state', '=', 'running')
      .orderBy('run.number')
      .orderBy('job.position')
      .execute();
    await appendAudit(
      trx,
      {
        at,
        by: NOBODY,
        action: 'started',
        runId: null,
        channelId: null,
        detail: { interrupted: left.length },
      },
      'nobody',
    );
    if (left.length === 0) return 0;
    const outcome = bareOutcome('interrupted', WAS_RUNNING);
    const runIds = await settleJobs(
      trx,
      left.map((job) => ({ job, outcome })),
      'running',
      at,
    );
    for (const [runId, jobs] of Map.groupBy(left, (job) => job.runId)) {
      const [run] = jobs;
      if (run === undefined) continue;
      await appendAudit(
        trx,
        {
          at,
          by: { teamId: run.team_id, userId: run.user_id },
          action: 'interrupted',
          runId,
          channelId: run.channel_id,
          detail: { hosts: jobs.map(({ host }) => host) },
        },
        ledger.auditLines,
      );
    }
    await finishRuns(ledger, trx, runIds, at);
    return left.length;
  });
}
