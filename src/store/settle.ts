import type { Insertable, Kysely, Transaction } from 'kysely';
import { describeSameness } from '../gather/fold.ts';
import type { EndedJob } from '../ports.ts';
import { bareOutcome, type Outcome } from '../run/outcome.ts';
import { appendAudit } from './audit.ts';
import { touchRoots } from './outbox.ts';
import { breathe, countJobs, digestOutcomes, formatOutcome, inChunks, sha256 } from './records.ts';
import type { Aim } from './results/aim.ts';
import { findThreads, finishBoards, outputChars, rowsForHost, touchBoards } from './results/thread-rows.ts';
import type { Schema } from './schema.ts';

/** What every change of the store needs. */
export interface Ledger {
  readonly db: Kysely<Schema>;
  readonly now: () => number;
  /** Takes secrets out of a text that is kept to be read. */
  readonly mask: (text: string) => string;
  readonly auditLines: 'channel' | 'nobody';
}

/** A count in the root message may be this old: what falls together is one edit. The end of a run is shown at once. */
export const PROGRESS_DELAY_MS = 1_000;
/** Some 5 ms of writing. */
const CHARS_AT_ONCE = 500_000;

/**
 * Gives jobs their outcome, with the rows that bring it to the thread. A job that is not in the state `from`
 * keeps what it has: the first outcome stands. Tells the runs whose jobs it settled.
 */
export async function settleJobs(
  trx: Transaction<Schema>,
  ended: readonly EndedJob[],
  from: 'queued' | 'running',
  at: number,
): Promise<readonly string[]> {
  if (ended.length === 0) return [];
  const outcomes = new Map<string, EndedJob>();
  for (const end of ended) if (!outcomes.has(end.job.id)) outcomes.set(end.job.id, end);
  const threads = await findThreads(trx, [...new Set(ended.map(({ job }) => job.runId))]);
  const settledIn = new Set<string>();

  for (const [kind, ends] of Map.groupBy(outcomes.values(), ({ outcome }) => outcome.kind)) {
    for (const chunk of inChunks(ends)) {
      const rows = await trx
        .updateTable('job')
        .set({ state: 'settled', kind, ended_at: at })
        .where(
          'id',
          'in',
          chunk.map(({ job }) => job.id),
        )
        .where('state', '=', from)
        .returning(['id', 'run_id', 'host', 'position'])
        .execute();
      const results: Insertable<Schema['result']>[] = [];
      const outputs: Insertable<Schema['output']>[] = [];
      const messages: Insertable<Schema['outbox']>[] = [];
      for (const row of rows) {
        const outcome = outcomes.get(row.id)?.outcome;
        const thread = threads.get(row.run_id);
        if (outcome === undefined || thread === undefined) continue;
        settledIn.add(row.run_id);
        const { outcomeJson, streamsJson } = formatOutcome(outcome);
        results.push({
          job_id: row.id,
          outcome_json: outcomeJson,
          fold: foldOf(outcome, row.host, thread.aim),
          exit_code: outcome.exitCode,
          duration_ms: outcome.durationMs,
          output_chars: outputChars(outcome),
        });
        if (streamsJson !== null) outputs.push({ job_id: row.id, streams_json: streamsJson });
        messages.push(...rowsForHost(thread, row, outcome, at));
      }
      if (results.length > 0) await trx.insertInto('result').values(results).execute();
      await storeOutputs(trx, outputs);
      if (messages.length > 0) await trx.insertInto('outbox').values(messages).execute();
      if (ends.length > chunk.length) await breathe();
    }
  }
  await touchBoards(
    trx,
    [...settledIn].flatMap((runId) => threads.get(runId) ?? []),
    at,
  );
  return [...settledIn];
}

function foldOf(outcome: Outcome, host: string, { targets, fold }: Aim): string {
  return sha256(describeSameness(outcome, targets.get(host) ?? { host, ip: '' }, fold));
}

/** Long outputs take a while to write: others get their turn now and then. */
async function storeOutputs(
  trx: Transaction<Schema>,
  outputs: readonly Insertable<Schema['output']>[],
): Promise<void> {
  let chars = 0;
  for (const output of outputs) {
    await trx.insertInto('output').values(output).execute();
    chars += output.streams_json.length;
    if (chars < CHARS_AT_ONCE) continue;
    chars = 0;
    await breathe();
  }
}

/** Settles jobs that never start, all for one reason. */
export async function skipQueued(
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
  runIds: readonly string[],
  at: number,
): Promise<void> {
  const finished: string[] = [];
  for (const runId of runIds) {
    const run = await trx
      .selectFrom('run')
      .select(['team_id', 'user_id', 'channel_id', 'created_at'])
      .where('id', '=', runId)
      .where('state', '=', 'open')
      .where((where) =>
        where.not(
          where.exists(
            where
              .selectFrom('job')
              .select('job.id')
              .where('job.run_id', '=', runId)
              .where('job.state', 'in', ['queued', 'running']),
          ),
        ),
      )
      .executeTakeFirst();
    if (run === undefined) continue;
    finished.push(runId);
    const digest = await closeRun(trx, runId, at);
    const settled = (await countJobs(trx, [runId])).get(runId)?.settled ?? {};
    await appendAudit(
      trx,
      {
        at,
        by: { teamId: run.team_id, userId: run.user_id },
        action: 'settled',
        runId,
        channelId: run.channel_id,
        detail: { digest, outcomes: settled, tookMs: at - run.created_at },
      },
      ledger.auditLines,
    );
  }
  const ended = new Set(finished);
  await touchRoots(
    trx,
    runIds.filter((runId) => !ended.has(runId)),
    at + PROGRESS_DELAY_MS,
  );
  await touchRoots(trx, finished, at);
  await finishBoards(trx, finished, at);
}

/** Marks the run as finished; tells the digest of its outcomes. */
export async function closeRun(trx: Transaction<Schema>, runId: string, at: number): Promise<string> {
  const digest = await digestOutcomes(trx, runId);
  await trx
    .updateTable('run')
    .set({ state: 'finished', finished_at: at, digest })
    .where('id', '=', runId)
    .execute();
  return digest;
}
