import { sql } from 'kysely';
import type { Requester } from '../../run/plan.ts';
import { oweCanary, oweFollowed, oweRoot } from '../../thread/layout.ts';
import { appendAudit, NOBODY } from '../audit.ts';
import { type Ledger, oweToThread } from '../jobs/settle.ts';
import { openNext, openWaiting, type RolloutChange, withRun } from '../rollout/steps.ts';

/**
 * Whatever waits of a released run (of this channel) is held: it does not start before a person says so. Tells the
 * jobs. A run that is held already keeps its reason; `andHeld`: with this one behind it.
 */
export function holdRuns(
  ledger: Ledger,
  reason: string,
  { channelId, andHeld = false }: { readonly channelId?: string; readonly andHeld?: boolean } = {},
): Promise<readonly string[]> {
  return ledger.db.transaction().execute(async (trx) => {
    const at = ledger.now();
    let query = trx
      .selectFrom('job')
      .innerJoin('run', 'run.id', 'job.run_id')
      .leftJoin('rollout', 'rollout.run_id', 'job.run_id')
      .select(['job.id', 'job.run_id', 'channel_id', 'held', 'phase'])
      .where('job.state', '=', 'queued')
      .where('run.state', '=', 'open')
      .where('run.cancelled_at', 'is', null)
      .orderBy('run.number');
    if (!andHeld) query = query.where('run.held', 'is', null);
    if (channelId !== undefined) query = query.where('run.channel_id', '=', channelId);
    const waiting = await query.execute();
    for (const [runId, jobs] of Map.groupBy(waiting, (job) => job.run_id)) {
      const [{ held, phase, channel_id } = { held: null, phase: null, channel_id: null }] = jobs;
      const all = held === null ? reason : `${held}; besides, ${reason}`;
      await trx.updateTable('run').set({ held: all }).where('id', '=', runId).execute();
      await appendAudit(
        trx,
        {
          at,
          by: NOBODY,
          action: 'held',
          runId,
          channelId: channel_id,
          detail: { reason, waiting: jobs.length },
        },
        ledger.auditLines,
      );
      await oweToThread(ledger, trx, runId, (phase === 'paused' ? oweCanary : oweRoot)(runId, at));
    }
    return waiting.map(({ id }) => id);
  });
}

/** The root message is to show what is known of the run beside the store. */
export function refreshRoot(ledger: Ledger, runId: string): Promise<void> {
  return ledger.db.transaction().execute(async (trx) => {
    await oweToThread(ledger, trx, runId, oweRoot(runId, ledger.now()));
  });
}

/** A host that is followed says something new; nothing where it has ended meanwhile, as its result is owed then. */
export function refreshReply(ledger: Ledger, runId: string, host: string): Promise<void> {
  return ledger.db.transaction().execute(async (trx) => {
    const running = await trx
      .selectFrom('job')
      .select('id')
      .where('run_id', '=', runId)
      .where('host', '=', host)
      .where('state', '=', 'running')
      .executeTakeFirst();
    if (running === undefined) return;
    await oweToThread(ledger, trx, runId, oweFollowed(runId, host, ledger.now()));
  });
}

export interface Resumed {
  /** Jobs that nobody need let go any more; of a rollout they start batch by batch. */
  readonly waiting: number;
  readonly change: RolloutChange;
}

/** A person lets what waits go; undefined where nothing was held (any more), or for the other reason. */
export function resumeRun(
  ledger: Ledger,
  runId: string,
  by: Requester,
  why: 'absence' | 'canary',
): Promise<Resumed | undefined> {
  return ledger.db.transaction().execute(async (trx) => {
    const at = ledger.now();
    const row = await trx
      .updateTable('rollout')
      .set((rollout) => ({ failures: rollout.ref('failures') }))
      .where('run_id', '=', runId)
      .where('phase', '=', 'paused')
      .returningAll()
      .executeTakeFirst();
    if ((row !== undefined) !== (why === 'canary')) return undefined;
    const run = await trx
      .updateTable('run')
      .set({ held: null })
      .where('id', '=', runId)
      .where('held', 'is not', null)
      .where('state', '=', 'open')
      .where('cancelled_at', 'is', null)
      .returning('channel_id')
      .executeTakeFirst();
    if (run === undefined) return undefined;
    const { waiting } = await trx
      .selectFrom('job')
      .select(sql<number>`count(*)`.as('waiting'))
      .where('run_id', '=', runId)
      .where('state', '=', 'queued')
      .executeTakeFirstOrThrow();
    await appendAudit(
      trx,
      { at, by, action: 'resumed', runId, channelId: run.channel_id, detail: { waiting } },
      ledger.auditLines,
    );
    const paused = row && (await withRun(ledger, trx, row));
    const change = paused === undefined ? await openWaiting(ledger, trx, runId) : await openNext(trx, paused);
    await oweToThread(ledger, trx, runId, (paused === undefined ? oweRoot : oweCanary)(runId, at));
    return { waiting, change };
  });
}
