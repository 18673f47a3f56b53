import type { Kysely, Transaction } from 'kysely';
import type { Requester } from '../../run/plan.ts';
import type { Job } from '../../run/run.ts';
import { oweCanary, oweRoot } from '../../thread/layout.ts';
import { appendAudit } from '../audit.ts';
import { finishRuns, type Ledger, oweToThread, skipQueued } from '../jobs/settle.ts';
import { moveOn, NO_CHANGE, type RolloutChange } from '../rollout/steps.ts';
import type { Schema } from '../schema.ts';
import { transact } from '../transact.ts';

export interface Cancelled {
  /** Jobs that will not start. */
  readonly skipped: readonly string[];
  readonly running: readonly Job[];
  readonly change: RolloutChange;
}

export function cancelRun(ledger: Ledger, runId: string, by: Requester): Promise<Cancelled> {
  return transact(ledger.db, async (trx) => {
    const at = ledger.now();
    const run = await trx
      .updateTable('run')
      .set({ cancelled_at: at, cancelled_team: by.teamId, cancelled_user: by.userId })
      .where('id', '=', runId)
      .where('finished_at', 'is', null)
      .where('cancelled_at', 'is', null)
      .returning('channel_id')
      .executeTakeFirst();
    const wasPaused = run !== undefined && (await isPaused(trx, runId));
    const reason = wasPaused
      ? 'the run was stopped after its canary'
      : 'the run was cancelled before its turn came';
    const skipped = run === undefined ? [] : await skipQueued(ledger, trx, runId, reason, at);
    const running = await runningJobs(trx, runId);
    await stop(ledger, trx, running);
    // A second cancel stops the same jobs again, or comes as the run has just ended: who did it is to be found too.
    const cancelled =
      run ?? (await trx.selectFrom('run').select('channel_id').where('id', '=', runId).executeTakeFirst());
    if (cancelled !== undefined) {
      await appendAudit(
        trx,
        {
          at,
          by,
          action: 'cancelled',
          runId,
          channelId: cancelled.channel_id,
          detail: {
            skipped: skipped.length,
            running: running.map(({ host }) => host),
            ...(run === undefined && { again: true }),
          },
        },
        ledger.auditLines,
      );
    }
    if (run !== undefined) {
      await finishRuns(ledger, trx, [{ runId, failed: 0 }], at);
      await oweToThread(ledger, trx, runId, (wasPaused ? oweCanary : oweRoot)(runId, at));
    }
    return { skipped, running, change: NO_CHANGE };
  });
}

/** Its canary has ended, and nobody has said yet what is to become of the rest. */
async function isPaused(trx: Transaction<Schema>, runId: string): Promise<boolean> {
  const paused = await trx
    .selectFrom('rollout')
    .select('run_id')
    .where('run_id', '=', runId)
    .where('phase', '=', 'paused')
    .executeTakeFirst();
  return paused !== undefined;
}

/** Some hosts of a run. Again for the same ones it changes nothing but says again what runs. */
export function cancelHosts(
  ledger: Ledger,
  runId: string,
  hosts: readonly string[],
  by: Requester,
): Promise<Cancelled> {
  return transact(ledger.db, async (trx) => {
    const at = ledger.now();
    const run = await trx
      .selectFrom('run')
      .select('channel_id')
      .where('id', '=', runId)
      .where('finished_at', 'is', null)
      .executeTakeFirst();
    let change = NO_CHANGE;
    if (run === undefined) return { skipped: [], running: [], change };
    const skipped = await skipQueued(
      ledger,
      trx,
      runId,
      'this host was cancelled before its turn came',
      at,
      hosts,
    );
    const running = (await runningJobs(trx, runId)).filter(({ host }) => hosts.includes(host));
    await stop(ledger, trx, running);
    if (skipped.length + running.length > 0) {
      await appendAudit(
        trx,
        {
          at,
          by,
          action: 'cancelled',
          runId,
          channelId: run.channel_id,
          detail: { hosts, skipped: skipped.length, running: running.map(({ host }) => host) },
        },
        ledger.auditLines,
      );
      change = await moveOn(ledger, trx, [{ runId, failed: 0 }], at);
      await oweToThread(ledger, trx, runId, oweRoot(runId, at));
    }
    return { skipped, running, change };
  });
}

async function stop(ledger: Ledger, trx: Transaction<Schema>, jobs: readonly Job[]): Promise<void> {
  await ledger.askToStop(
    trx,
    jobs.map(({ id }) => id),
  );
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
