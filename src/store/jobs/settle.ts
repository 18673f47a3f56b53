import type { Insertable, Kysely, RawBuilder, Transaction } from 'kysely';
import type { CountedBy, Meters } from '../../ports/meters.ts';
import { bareOutcome } from '../../run/outcome.ts';
import type { EndedJob, Progress } from '../../run/run.ts';
import {
  type OwedRow,
  oweEnd,
  oweProgress,
  oweResults,
  type SettledJob,
  type ThreadOf,
} from '../../thread/layout.ts';
import type { Beat } from '../../time/beat.ts';
import { breathe } from '../../time/breathe.ts';
import { type Cover, digestRun, hashEarlierOutputs } from '../audit/digest.ts';
import { appendAudit } from '../audit.ts';
import { type Owed, type OwedBy, oweAll, oweRows } from '../outbox/owed-rows.ts';
import type { Plans } from '../runs/plans.ts';
import { countJobs } from '../runs/records.ts';
import { forgetSealed } from '../runs/sealed-work.ts';
import type { Schema } from '../schema.ts';
import { onceItStands } from '../transact.ts';
import { storeOutputs, toRows } from './outcome-rows.ts';
import { inChunks } from './pieces.ts';
import { listSpooledHosts, sumFirstKeys } from './results.ts';

/** What every change of the store needs. */
export interface Ledger {
  readonly db: Kysely<Schema>;
  readonly plans: Plans;
  readonly now: () => number;
  /** Now, by the wall clock and by the machine's own: for what is waited for over restarts. */
  readonly beat: () => Beat;
  /** Takes secrets out of a text that is kept to be read. */
  readonly mask: (text: string) => string;
  readonly auditLines: 'channel' | 'nobody';
  readonly meters: Meters;
  /** Something was deleted that nobody is to read any more. */
  readonly erase: () => void;
  /** Which process this is, among those that share the tables. */
  readonly self: string;
  /** These run, perhaps in another process, and are to be stopped: durably. */
  readonly askToStop: (trx: Transaction<Schema>, jobIds: readonly string[]) => Promise<void>;
}

/** A run, as far as the rows of its thread depend on it. */
interface Thread extends ThreadOf, OwedBy {
  readonly runId: string;
}

export async function findThreads(
  { plans }: Ledger,
  trx: Transaction<Schema>,
  runIds: readonly string[],
): Promise<readonly Thread[]> {
  if (runIds.length === 0) return [];
  const rows = await trx
    .selectFrom('run')
    .select(['id', 'channel_id', 'root_ts', 'root_lost'])
    .where('id', 'in', runIds)
    .execute();
  const threads: Thread[] = [];
  for (const { id, channel_id, root_ts, root_lost } of rows) {
    const { plan } = await plans.find(trx, id);
    // What is owed while a lost root message is posted anew waits for that.
    const isOpen = root_ts !== null || root_lost > 0;
    threads.push({ turn: id, runId: id, channelId: channel_id, isOpen, plan });
  }
  return threads;
}

/** A run of which jobs got their outcome. */
export interface SettledRun {
  readonly runId: string;
  /** Of these: how many were begun and did not end ok. */
  readonly failed: number;
  /** Where it is known in this transaction already. */
  readonly thread?: Thread;
}

/** Where several processes share the tables: which rows are this one's, and what is set in them as their jobs end. */
export interface Held {
  readonly isOurs: RawBuilder<boolean>;
  readonly let: object;
}

/**
 * Gives jobs their outcome, with the rows that bring it to the thread. A job that is not in the state `from`
 * keeps what it has: the first outcome stands. With `held`, so does one that is not ours. Of each run the ids of those
 * that got one.
 */
export async function settleJobs(
  ledger: Ledger,
  trx: Transaction<Schema>,
  ended: readonly EndedJob[],
  from: 'queued' | 'running',
  at: number,
  held?: Held,
): Promise<readonly (SettledRun & { readonly jobIds: readonly string[] })[]> {
  if (ended.length === 0) return [];
  const outcomes = new Map<string, EndedJob>();
  for (const end of ended) if (!outcomes.has(end.job.id)) outcomes.set(end.job.id, end);
  const threads = await findThreads(ledger, trx, [...new Set(ended.map(({ job }) => job.runId))]);
  const settled = new Map(
    threads.map((thread) => [thread.runId, { thread, jobs: [] as SettledJob[], jobIds: [] as string[] }]),
  );

  for (const [kind, ends] of Map.groupBy(outcomes.values(), ({ outcome }) => outcome.kind)) {
    for (const chunk of inChunks(ends)) {
      const ids = chunk.map(({ job }) => job.id);
      let update = trx
        .updateTable('job')
        .set({ state: 'settled', kind, ended_at: at, ...held?.let })
        .where('id', 'in', ids)
        .where('state', '=', from);
      if (held !== undefined) update = update.where(held.isOurs);
      const rows = await update.returning(['id', 'run_id', 'host', 'position']).execute();
      onceItStands(trx, () => ledger.meters.count('jobs', kind, rows.length));
      const results: Insertable<Schema['result']>[] = [];
      const outputs: Insertable<Schema['output']>[] = [];
      for (const { id, run_id, host, position } of rows) {
        const outcome = outcomes.get(id)?.outcome;
        const run = settled.get(run_id);
        if (outcome === undefined || run === undefined) continue;
        run.jobs.push({ host, position, outcome });
        run.jobIds.push(id);
        const { result, output } = toRows(id, host, run.thread.plan, outcome);
        results.push(result);
        if (output !== undefined) outputs.push(output);
      }
      if (results.length > 0) await trx.insertInto('result').values(results).execute();
      await storeOutputs(trx, outputs);
      if (ends.length > chunk.length) await breathe();
    }
  }
  const changed = [...settled.values()].filter(({ jobs }) => jobs.length > 0);
  await oweAll(
    trx,
    changed.map(({ thread, jobs }) => ({ by: thread, rows: oweResults(thread, jobs, at) })),
  );
  return changed.map(({ thread, jobs, jobIds }) => ({
    runId: thread.runId,
    thread,
    jobIds,
    failed: from === 'queued' ? 0 : jobs.filter(({ outcome }) => outcome.kind !== 'ok').length,
  }));
}

/** Settles jobs that never start, all for one reason. */
export async function skipQueued(
  ledger: Ledger,
  trx: Transaction<Schema>,
  runId: string,
  reason: string,
  at: number,
  hosts?: readonly string[],
): Promise<readonly string[]> {
  const wanted = hosts && new Set(hosts.map((host) => host.toLowerCase()));
  const queued = await trx
    .selectFrom('job')
    .select(['id', 'host'])
    .where('run_id', '=', runId)
    .where('state', '=', 'queued')
    .orderBy('position')
    .execute();
  const skipped = queued.filter(({ host }) => wanted === undefined || wanted.has(host.toLowerCase()));
  const outcome = bareOutcome('skipped', reason);
  await settleJobs(
    ledger,
    trx,
    skipped.map(({ id, host }) => ({ job: { id, runId, host }, outcome })),
    'queued',
    at,
  );
  return skipped.map(({ id }) => id);
}

/**
 * After outcomes were stored: the root messages are behind, and a run without an open job is finished. A run
 * without its root message waits for that: its end could not be shown anywhere.
 */
export async function finishRuns(
  ledger: Ledger,
  trx: Transaction<Schema>,
  settled: readonly SettledRun[],
  at: number,
): Promise<void> {
  const finished: string[] = [];
  for (const run of await findEnded(
    trx,
    settled.map(({ runId }) => runId),
  )) {
    const runId = run.id;
    finished.push(runId);
    const end = await closeRun(ledger, trx, runId, at);
    const outcomes = (await countJobs(trx, [runId])).get(runId)?.settled ?? {};
    const how = endOf(outcomes, run.cancelled_at !== null);
    onceItStands(trx, () => ledger.meters.count('runs', how));
    const firstKeys = await sumFirstKeys(trx, runId);
    await appendAudit(
      trx,
      {
        at,
        by: { teamId: run.team_id, userId: run.user_id },
        action: 'settled',
        runId,
        channelId: run.channel_id,
        detail: {
          ...end,
          outcomes,
          tookMs: at - run.created_at,
          ...(firstKeys === 0 ? {} : { firstKeys }),
        },
      },
      ledger.auditLines,
    );
  }
  const unknown = settled.filter(({ thread }) => thread === undefined).map(({ runId }) => runId);
  const known = settled.flatMap(({ thread }) => thread ?? []);
  const owed: Owed[] = [];
  for (const thread of [...known, ...(await findThreads(ledger, trx, unknown))]) {
    const { runId } = thread;
    const rows = finished.includes(runId)
      ? oweEnd(thread, await listSpooledHosts(trx, runId), at)
      : oweProgress(runId, at);
    owed.push({ by: thread, rows });
  }
  await oweAll(trx, owed);
}

/** Of these runs those that are open and have no open job. */
async function findEnded(trx: Transaction<Schema>, runIds: readonly string[]) {
  if (runIds.length === 0) return [];
  return await trx
    .selectFrom('run')
    .select(['id', 'team_id', 'user_id', 'channel_id', 'created_at', 'cancelled_at'])
    .where('id', 'in', runIds)
    .where('state', '=', 'open')
    // Looked up for each run, where `not exists` may be taken for a join over all jobs.
    .where((where) =>
      where(
        where
          .selectFrom('job')
          .select('job.id')
          .whereRef('job.run_id', '=', 'run.id')
          .where('job.state', 'in', ['queued', 'running'])
          .limit(1),
        'is',
        null,
      ),
    )
    .orderBy('number')
    .execute();
}

function endOf({ ok, skipped, ...others }: Progress['settled'], isCancelled: boolean): CountedBy<'runs'> {
  if (isCancelled) return 'cancelled';
  if (ok === undefined || Object.keys(others).length > 0) return 'not-ok';
  return skipped === undefined ? 'ok' : 'some-skipped';
}

/** These messages of the run's thread are behind, or missing. Nothing where there is no such run. */
export async function oweToThread(
  ledger: Ledger,
  trx: Transaction<Schema>,
  runId: string,
  owed: readonly OwedRow[],
): Promise<void> {
  for (const thread of await findThreads(ledger, trx, [runId])) await oweRows(trx, thread, owed);
}

/** What the entry of a run's end says of what is stored. */
interface RunEnd {
  readonly digest: string;
  readonly covers: Cover;
}

/** Marks the run as finished, and forgets what was kept only to run; from then on nothing of it changes. */
export async function closeRun(
  { plans, erase }: Ledger,
  trx: Transaction<Schema>,
  runId: string,
  at: number,
): Promise<RunEnd> {
  await hashEarlierOutputs(trx, runId);
  await trx.updateTable('run').set({ state: 'finished', finished_at: at }).where('id', '=', runId).execute();
  const digest = await digestRun(trx, runId, 'outputs');
  await trx.updateTable('run').set({ digest }).where('id', '=', runId).execute();
  if (await forgetSealed(trx, runId)) erase();
  plans.release(runId);
  return { digest, covers: 'outputs' };
}
