import type { Transaction } from 'kysely';
import type { AuditedEvent } from '../../run/audit-entry.ts';
import { bareOutcome } from '../../run/outcome.ts';
import { oweLog } from '../../thread/layout.ts';
import { formatKey } from '../../thread/row.ts';
import { appendAudit, NOBODY } from '../audit.ts';
import { listSpooledHosts } from '../jobs/results.ts';
import { closeRun, type Ledger, oweToThread, settleJobs, skipQueued } from '../jobs/settle.ts';
import { forgetReceived } from '../people/received.ts';
import { moveOn, NO_CHANGE, type RolloutChange } from '../rollout/steps.ts';
import type { Schema } from '../schema.ts';
import { onceItStands, transact } from '../transact.ts';

/** The root message stands: waiting jobs may start, and what was settled before may be told. Twice is once. */
export function releaseRun(ledger: Ledger, runId: string, rootTs: string): Promise<RolloutChange> {
  return transact(ledger.db, async (trx) => {
    const at = ledger.now();
    const run = await trx
      .updateTable('run')
      .set({ state: 'open', root_ts: rootTs })
      .where('id', '=', runId)
      .where('state', '=', 'opening')
      .returning(['channel_id'])
      .executeTakeFirst();
    if (run === undefined) return NO_CHANGE;
    await forgetReceived(trx, runId);
    const root = formatKey({ kind: 'root', runId });
    // It has just been posted; what waited for it is due now.
    await trx.updateTable('outbox').set({ ts: rootTs }).where('key', '=', root).execute();
    await trx
      .updateTable('outbox')
      .set({ due_at: at })
      .where('turn', '=', runId)
      .where('key', '<>', root)
      .execute();
    // Of its first batch somebody may have cancelled all, as soon as the message was to be seen.
    return await moveOn(ledger, trx, [{ runId, failed: 0 }], at);
  });
}

/**
 * There is no thread and there will be none: nothing runs, nothing is to be posted. Should the root message stand
 * all the same, its answer lost, it is to say so.
 */
export async function abandonRun(ledger: Ledger, runId: string, reason: string): Promise<void> {
  await transact(ledger.db, async (trx) => {
    const at = ledger.now();
    const run = await trx
      .selectFrom('run')
      .select(['team_id', 'user_id', 'channel_id'])
      .where('id', '=', runId)
      .where('state', '=', 'opening')
      .executeTakeFirst();
    if (run === undefined) return;
    const skipped = await skipQueued(ledger, trx, runId, reason, at);
    await trx
      .updateTable('outbox')
      .set({ given_up_at: at, due_at: null, error: reason })
      .where('turn', '=', runId)
      .execute();
    await trx
      .updateTable('outbox')
      .set({ given_up_at: null, due_at: at, only_if_stands: 1 })
      .where('key', '=', formatKey({ kind: 'root', runId }))
      .execute();
    const end = await closeRun(ledger, trx, runId, at);
    onceItStands(trx, () => ledger.meters.count('runs', 'not-begun'));
    await appendAudit(
      trx,
      {
        at,
        by: { teamId: run.team_id, userId: run.user_id },
        action: 'refused',
        runId,
        channelId: run.channel_id,
        detail: { code: 'cannot-post', reason: ledger.mask(reason), skipped: skipped.length, ...end },
      },
      ledger.auditLines,
    );
  });
}

/** Tells the jobs that will not start, and what may instead. */
export function skipJobs(
  ledger: Ledger,
  runId: string,
  hosts: readonly string[],
  reason: string,
): Promise<RolloutChange> {
  return transact(ledger.db, async (trx) => {
    const at = ledger.now();
    const skipped = await skipQueued(ledger, trx, runId, reason, at, hosts);
    if (skipped.length === 0) return NO_CHANGE;
    const change = await moveOn(ledger, trx, [{ runId, failed: 0 }], at);
    return { ...change, skipped: [...skipped, ...change.skipped] };
  });
}

/** Nobody asked for it, in no channel. */
export async function recordEvent(ledger: Ledger, { action, detail }: AuditedEvent): Promise<void> {
  const masked = { ...detail, reason: ledger.mask(detail.reason) };
  await ledger.db
    .transaction()
    .execute((trx) =>
      appendAudit(
        trx,
        { at: ledger.now(), by: NOBODY, action, runId: null, channelId: null, detail: masked },
        ledger.auditLines,
      ),
    );
}

const WAS_RUNNING =
  'the bot was stopped while this ran; it may or may not have run to its end, and is not run again';

/**
 * At the start, before anything is handed out: what a former process left running is of unknown fate. It is
 * reported, never run again. Only where no other process may be running jobs.
 */
export function settleInterrupted(ledger: Ledger): Promise<number> {
  return transact(ledger.db, async (trx) => {
    const at = ledger.now();
    const left = await findRunning(trx);
    await recordStart(trx, at, left.length);
    await settleLost(ledger, trx, left, at, WAS_RUNNING);
    return left.length;
  });
}

/** A process begins; what it found to be interrupted. */
export async function recordStart(trx: Transaction<Schema>, at: number, interrupted: number): Promise<void> {
  await appendAudit(
    trx,
    { at, by: NOBODY, action: 'started', runId: null, channelId: null, detail: { interrupted } },
    'nobody',
  );
}

/** A job that runs, with whom its run is of. */
export type RunningJob = Awaited<ReturnType<typeof findRunning>>[number];

/** Those that are marked as running; of these ids only, where they are given. */
export async function findRunning(trx: Transaction<Schema>, ids?: readonly string[]) {
  let running = trx
    .selectFrom('job')
    .innerJoin('run', 'run.id', 'job.run_id')
    .select(['job.id', 'job.run_id as runId', 'job.host', 'run.team_id', 'run.user_id', 'run.channel_id'])
    .where('job.state', '=', 'running')
    .orderBy('run.number')
    .orderBy('job.position');
  if (ids !== undefined) running = running.where('job.id', 'in', ids);
  return await running.execute();
}

/** Their process is gone, and what became of them is not known: told and audited, never run again. */
export async function settleLost(
  ledger: Ledger,
  trx: Transaction<Schema>,
  left: readonly RunningJob[],
  at: number,
  reason: string,
): Promise<void> {
  if (left.length === 0) return;
  const outcome = bareOutcome('interrupted', reason);
  const settled = await settleJobs(
    ledger,
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
  // What may start now is read from the tables.
  await moveOn(ledger, trx, settled, at);
}

/** Someone asks for the files of a run: of one that gives each host its reply too, and once more where they failed. */
export function postLog(ledger: Ledger, runId: string): Promise<boolean> {
  return ledger.db.transaction().execute(async (trx) => {
    const spooled = await listSpooledHosts(trx, runId);
    const owed = oweLog(runId, spooled, ledger.now());
    await oweToThread(ledger, trx, runId, owed);
    const rows = await trx
      .selectFrom('outbox')
      .select('due_at')
      .where(
        'key',
        'in',
        owed.map(({ key }) => key),
      )
      .execute();
    return rows.length > 0 && rows.every(({ due_at }) => due_at === null);
  });
}
