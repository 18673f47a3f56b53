import { type Kysely, sql, type Transaction } from 'kysely';
import type { Plan } from '../../run/plan.ts';
import { batchesOf, failuresAllowed } from '../../run/rollout/batches.ts';
import { describeCanary, describeLimit } from '../../run/rollout/words.ts';
import type { TakenJob } from '../../run/run.ts';
import { type OwedRow, oweCanary, oweRoot } from '../../thread/layout.ts';
import { appendAudit, NOBODY } from '../audit.ts';
import { finishRuns, type Ledger, oweToThread, type SettledRun, skipQueued } from '../jobs/settle.ts';
import { countJobs } from '../runs/records.ts';
import type { RolloutTable, Schema } from '../schema.ts';
import { sinceNow } from './since.ts';
import { listWaiting } from './waiting.ts';

/** What the queue has to know once it is so for good: after the commit. */
export interface RolloutChange {
  /** Not to be handed out any more. */
  readonly skipped: readonly string[];
  /** May start from now on. */
  readonly opened: readonly OpenedBatch[];
  /** Runs that wait for the time of their next batch, or for an answer. */
  readonly waiting: readonly string[];
}

export interface OpenedBatch {
  readonly runId: string;
  readonly plan: Plan;
  readonly jobs: readonly TakenJob[];
}

export const NO_CHANGE: RolloutChange = { skipped: [], opened: [], waiting: [] };

/** Where a rollout stands, with what of its run its next step depends on. */
export interface StoredRollout extends RolloutTable {
  readonly plan: Plan;
  readonly held: string | null;
  readonly channelId: string;
}

/** A run of which not all may start begins with its first batch. */
export async function beginRollout(trx: Transaction<Schema>, runId: string, plan: Plan): Promise<void> {
  if (plan.rollout === undefined) return;
  const [first] = batchesOf(plan);
  await trx
    .insertInto('rollout')
    .values({
      run_id: runId,
      phase: 'running',
      batch: 1,
      starts_before: first?.before ?? plan.targets.length,
      failures: 0,
    })
    .execute();
}

/**
 * What follows from outcomes that were just stored, in their transaction: a rollout that has had too many failures is
 * stopped before anything else of it can start; one whose batch has ended goes on, waits or pauses; a run without an
 * open job is finished.
 */
export async function moveOn(
  ledger: Ledger,
  trx: Transaction<Schema>,
  settled: readonly SettledRun[],
  at: number,
): Promise<RolloutChange> {
  const changes: RolloutChange[] = [];
  const owed = new Map<string, readonly OwedRow[]>();
  for (const { runId, failed } of settled) {
    const rollout = await countFailures(ledger, trx, runId, failed);
    if (rollout === undefined) continue;
    // Fewer wait for Continue, or none any more.
    if (rollout.phase === 'paused') owed.set(runId, oweCanary(runId, at));
    const change = await step(ledger, trx, rollout, at);
    if (change === undefined) continue;
    changes.push(change);
    owed.set(runId, oweRoot(runId, at));
  }
  await finishRuns(ledger, trx, settled, at);
  for (const [runId, rows] of owed) await oweToThread(ledger, trx, runId, rows);
  return {
    skipped: changes.flatMap(({ skipped }) => skipped),
    opened: changes.flatMap(({ opened }) => opened),
    waiting: changes.flatMap(({ waiting }) => waiting),
  };
}

/**
 * Undefined where the run has no rollout, or is none any more that could go on. The update comes first also where it
 * adds nothing: it keeps others off the row until this transaction ends, so that nobody counts without the other.
 */
async function countFailures(
  ledger: Ledger,
  trx: Transaction<Schema>,
  runId: string,
  failed: number,
): Promise<StoredRollout | undefined> {
  // Known in memory: of all other runs nothing is asked.
  if ((await ledger.plans.find(trx, runId)).plan.rollout === undefined) return undefined;
  const row = await trx
    .updateTable('rollout')
    .set((rollout) => ({ failures: sql`${rollout.ref('failures')} + ${failed}` }))
    .where('run_id', '=', runId)
    .returningAll()
    .executeTakeFirst();
  return row && (await withRun(ledger, trx, row));
}

export async function withRun(
  { plans }: Ledger,
  trx: Kysely<Schema>,
  row: RolloutTable,
): Promise<StoredRollout | undefined> {
  const run = await trx
    .selectFrom('run')
    .select(['held', 'channel_id'])
    .where('id', '=', row.run_id)
    .where('state', '=', 'open')
    .where('cancelled_at', 'is', null)
    .executeTakeFirst();
  if (run === undefined) return undefined;
  const { plan } = await plans.find(trx, row.run_id);
  return { ...row, plan, held: run.held, channelId: run.channel_id };
}

/** Undefined where all stays as it is. */
async function step(
  ledger: Ledger,
  trx: Transaction<Schema>,
  rollout: StoredRollout,
  at: number,
): Promise<RolloutChange | undefined> {
  const { run_id: runId, phase, plan, failures } = rollout;
  const allowed = failuresAllowed(plan);
  if (phase !== 'stopped' && allowed !== undefined && failures > allowed) {
    return await stop(ledger, trx, rollout, describeLimit(plan, failures), at);
  }
  // A person lets it go on, or the time does.
  if (phase !== 'running' || (await isGoingOn(trx, rollout))) return undefined;
  const waiting = await countLater(trx, rollout);
  if (waiting === 0) return undefined;
  if (rollout.batch === 1 && plan.rollout?.canary !== undefined) {
    return await pause(ledger, trx, rollout, at, waiting);
  }
  if (plan.rollout?.waitMs === undefined) return await openNext(trx, rollout);
  await trx
    .updateTable('rollout')
    .set({ phase: 'waiting', ...sinceNow(ledger) })
    .where('run_id', '=', runId)
    .execute();
  return { ...NO_CHANGE, waiting: [runId] };
}

/** Whether a host of the batch has not ended. Mostly one of them runs, and then those that wait are not looked at. */
async function isGoingOn(
  trx: Transaction<Schema>,
  { run_id, starts_before }: StoredRollout,
): Promise<boolean> {
  for (const state of ['running', 'queued'] as const) {
    const job = await trx
      .selectFrom('job')
      .select('id')
      .where('run_id', '=', run_id)
      .where('state', '=', state)
      .where('position', '<', starts_before)
      .limit(1)
      .executeTakeFirst();
    if (job !== undefined) return true;
  }
  return false;
}

async function countLater(trx: Transaction<Schema>, { run_id }: StoredRollout): Promise<number> {
  return (await countJobs(trx, [run_id])).get(run_id)?.queued ?? 0;
}

/** Undefined where nothing waits that could be kept from starting. */
export async function stop(
  ledger: Ledger,
  trx: Transaction<Schema>,
  { run_id: runId, channelId }: StoredRollout,
  reason: string,
  at: number,
): Promise<RolloutChange | undefined> {
  const skipped = await skipQueued(ledger, trx, runId, reason, at);
  if (skipped.length === 0) return undefined;
  await trx
    .updateTable('rollout')
    .set({ phase: 'stopped', starts_before: 0 })
    .where('run_id', '=', runId)
    .execute();
  // Nobody need let go what is left of it.
  await trx.updateTable('run').set({ held: null }).where('id', '=', runId).execute();
  await appendAudit(
    trx,
    {
      at,
      by: NOBODY,
      action: 'stopped',
      runId,
      channelId,
      detail: { reason, skipped: skipped.length },
    },
    ledger.auditLines,
  );
  return { ...NO_CHANGE, skipped };
}

/** The canary has ended. What the run was held for besides is asked about along with it. */
async function pause(
  ledger: Ledger,
  trx: Transaction<Schema>,
  { run_id: runId, plan, channelId, held }: StoredRollout,
  at: number,
  waiting: number,
): Promise<RolloutChange> {
  const settled = (await countJobs(trx, [runId])).get(runId)?.settled ?? {};
  const disabled = plan.targets.filter(({ skip }) => skip !== undefined).length;
  const tally = describeCanary({ ...settled, skipped: Math.max(0, (settled.skipped ?? 0) - disabled) });
  const reason = held === null ? tally : `${tally}; besides, ${held}`;
  await oweToThread(ledger, trx, runId, oweCanary(runId, at));
  const now = sinceNow(ledger);
  await trx
    .updateTable('rollout')
    .set({ phase: 'paused', ...now })
    .where('run_id', '=', runId)
    .execute();
  await trx.updateTable('run').set({ held: reason }).where('id', '=', runId).execute();
  await appendAudit(
    trx,
    { at, by: NOBODY, action: 'held', runId, channelId, detail: { reason, waiting } },
    ledger.auditLines,
  );
  return { ...NO_CHANGE, waiting: [runId] };
}

/** The next batch of which anything waits; where the run is held, it starts once that is let go. */
export async function openNext(trx: Transaction<Schema>, rollout: StoredRollout): Promise<RolloutChange> {
  const { run_id: runId, plan, held } = rollout;
  const batches = batchesOf(plan);
  for (let batch = rollout.batch + 1; batch <= batches.length; batch++) {
    const startsBefore = batches[batch - 1]?.before ?? plan.targets.length;
    const jobs = await trx
      .selectFrom('job')
      .select(['id', 'run_id as runId', 'host'])
      .where('run_id', '=', runId)
      .where('state', '=', 'queued')
      .where('position', '<', startsBefore)
      .orderBy('position')
      .execute();
    if (jobs.length === 0) continue;
    const { numUpdatedRows } = await trx
      .updateTable('rollout')
      .set({
        phase: 'running',
        batch,
        starts_before: startsBefore,
        since: null,
        since_boot: null,
        since_uptime_ms: null,
      })
      .where('run_id', '=', runId)
      // Another process may have gone on with it since it was read.
      .where('batch', '=', rollout.batch)
      .where('phase', '=', rollout.phase)
      .executeTakeFirst();
    if (numUpdatedRows === 0n) return NO_CHANGE;
    // On a server the other processes look for what has changed of runs.
    await trx
      .updateTable('run')
      .set((run) => ({ held: run.ref('held') }))
      .where('id', '=', runId)
      .execute();
    return { ...NO_CHANGE, opened: held === null ? [{ runId, plan, jobs }] : [] };
  }
  return NO_CHANGE;
}

/** What of a run was held, and may start now that it is not. */
export async function openWaiting(
  { plans }: Ledger,
  trx: Transaction<Schema>,
  runId: string,
): Promise<RolloutChange> {
  const jobs = await listWaiting(trx, runId);
  const { plan } = await plans.find(trx, runId);
  return { ...NO_CHANGE, opened: jobs.length === 0 ? [] : [{ runId, plan, jobs }] };
}
