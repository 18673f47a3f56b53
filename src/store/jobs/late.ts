import { sql, type Transaction } from 'kysely';
import type { EndedJob } from '../../run/run.ts';
import { oweEnd, oweProgress, oweResults } from '../../thread/layout.ts';
import { formatKey } from '../../thread/row.ts';
import { digestRun } from '../audit/digest.ts';
import { appendAudit } from '../audit.ts';
import { oweRows } from '../outbox/owed-rows.ts';
import type { Schema } from '../schema.ts';
import { toRows } from './outcome-rows.ts';
import { listSpooledHosts } from './results.ts';
import { findThreads, type Ledger } from './settle.ts';
import { toOutcome } from './stored-outcome.ts';

/** What is said of a job until then. */
export const UNKNOWN =
  'the process that ran this is gone or was out of touch; it may or may not have run to its end, and is not run again';
const LATE = 'reported late: until now it was told as unknown';

/**
 * Who ran these had been given up, and is back: what really became of them takes the place of "unknown". Audited as
 * late; with a run that has ended goes its digest as it is from now on. What was posted stays, the result is posted
 * once more below it, and what is edited is put right.
 */
export async function replaceUnknown(
  ledger: Ledger,
  trx: Transaction<Schema>,
  ended: readonly EndedJob[],
  at: number,
): Promise<void> {
  const unknown = await listUnknown(trx, ended);
  const late = ended.filter(({ job }) => unknown.has(job.id));
  for (const [runId, ends] of Map.groupBy(late, ({ job }) => job.runId)) {
    const [thread] = await findThreads(ledger, trx, [runId]);
    const run = await trx
      .selectFrom('run')
      .select(['state', 'channel_id', 'team_id', 'user_id', 'output_retired_at'])
      .where('id', '=', runId)
      .executeTakeFirst();
    // What was retired since is gone for good.
    if (thread === undefined || run === undefined || run.output_retired_at !== null) continue;
    const replaced: { host: string; position: number; outcome: EndedJob['outcome'] }[] = [];
    for (const { job, outcome: told } of ends) {
      const outcome = { ...told, reason: told.reason === '' ? LATE : `${LATE}; ${told.reason}` };
      const row = await trx
        .updateTable('job')
        .set({ kind: outcome.kind, ended_at: at })
        .where('id', '=', job.id)
        .where('state', '=', 'settled')
        .where('kind', '=', 'interrupted')
        .returning(['position', 'host'])
        .executeTakeFirst();
      if (row === undefined) continue;
      const { result, output } = toRows(job.id, row.host, thread.plan, outcome);
      const { job_id: _, ...columns } = result;
      await trx.updateTable('result').set(columns).where('job_id', '=', job.id).execute();
      if (output !== undefined) await trx.insertInto('output').values(output).execute();
      replaced.push({ ...row, outcome });
    }
    if (replaced.length === 0) continue;
    await forgive(trx, runId, replaced.filter(({ outcome }) => outcome.kind === 'ok').length);
    const isOver = run.state === 'finished';
    const digest = isOver ? await digestRun(trx, runId, 'outputs') : undefined;
    if (digest !== undefined) await trx.updateTable('run').set({ digest }).where('id', '=', runId).execute();
    await postAnew(
      trx,
      runId,
      replaced.map(({ host }) => host),
      at,
    );
    await oweRows(trx, thread, oweResults(thread, replaced, at));
    const spooled = isOver ? await listSpooledHosts(trx, runId) : [];
    await oweRows(trx, thread, isOver ? oweEnd(thread, spooled, at) : oweProgress(runId, at));
    await appendAudit(
      trx,
      {
        at,
        by: { teamId: run.team_id, userId: run.user_id },
        action: 'late',
        runId,
        channelId: run.channel_id,
        detail: {
          hosts: replaced.map(({ host }) => host),
          outcomes: countKinds(replaced.map(({ outcome }) => outcome.kind)),
          ...(digest !== undefined && { digest, covers: 'outputs' }),
        },
      },
      ledger.auditLines,
    );
  }
}

/** Of these jobs, those that stand as unknown: not what was put down by their own process, perhaps by this very call made once more. */
async function listUnknown(
  trx: Transaction<Schema>,
  ended: readonly EndedJob[],
): Promise<ReadonlySet<string>> {
  if (ended.length === 0) return new Set();
  const ids = ended.map(({ job }) => job.id);
  const rows = await trx
    .selectFrom('result')
    .select(['job_id', 'outcome_json'])
    .where('job_id', 'in', ids)
    .execute();
  const isUnknown = (json: string): boolean => toOutcome('interrupted', json, null)?.reason === UNKNOWN;
  return new Set(rows.filter((row) => isUnknown(row.outcome_json)).map((row) => row.job_id));
}

/** A rollout that counted them as failures does not any more; one that was stopped for that stays so. */
async function forgive(trx: Transaction<Schema>, runId: string, count: number): Promise<void> {
  if (count === 0) return;
  await trx
    .updateTable('rollout')
    .set((rollout) => ({ failures: sql`${rollout.ref('failures')} - ${count}` }))
    .where('run_id', '=', runId)
    .execute();
}

/** As a new message in the thread, and files of the run as a whole once more. */
async function postAnew(
  trx: Transaction<Schema>,
  runId: string,
  hosts: readonly string[],
  at: number,
): Promise<void> {
  const keys = [
    ...hosts.map((host) => formatKey({ kind: 'reply', runId, host })),
    ...(['text', 'json'] as const).map((form) => formatKey({ kind: 'log', runId, form })),
  ];
  await trx
    .updateTable('outbox')
    .set((row) => ({ ts: null, joins: null, due_at: at, version: row('version', '+', 1) }))
    .where('key', 'in', keys)
    .where('given_up_at', 'is', null)
    .execute();
}

function countKinds(kinds: readonly string[]): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Array.from(
      Map.groupBy(kinds, (kind) => kind),
      ([kind, all]) => [kind, all.length] as const,
    ),
  );
}
