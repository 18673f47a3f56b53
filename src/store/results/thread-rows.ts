import { type Insertable, sql, type Transaction } from 'kysely';
import type { Outcome } from '../../run/outcome.ts';
import type { Action } from '../../run/plan.ts';
import { breathe, ROWS_AT_ONCE } from '../records.ts';
import type { Schema } from '../schema.ts';
import { type Aim, findAim } from './aim.ts';

/** A run's thread, as far as its rows of the outbox depend on it. */
export interface Thread {
  readonly runId: string;
  readonly action: Action;
  readonly channelId: string;
  readonly rootTs: string | null;
  readonly aim: Aim;
}

/** As many files of single hosts as the log says there are. */
const MAX_SPOOLED_FILES = 10;
/** More would not be read; what is not in them is in the files. */
export const BOARD_PAGES = 6;
const LOG_FORMS = ['text', 'json'] as const;
/** A board is shown first when a little has come together, and then changes at most this often. */
const FIRST_BOARD_MS = 1_000;
const LIVE_BOARD_MS = 5_000;

export async function findThreads(
  trx: Transaction<Schema>,
  runIds: readonly string[],
): Promise<ReadonlyMap<string, Thread>> {
  const threads = new Map<string, Thread>();
  if (runIds.length === 0) return threads;
  const rows = await trx
    .selectFrom('run')
    .select(['id', 'action', 'channel_id', 'root_ts', 'plan_hash'])
    .where('id', 'in', runIds)
    .execute();
  for (const { id, action, channel_id, root_ts, plan_hash } of rows) {
    const aim = await findAim(trx, id, plan_hash);
    threads.set(id, { runId: id, action, channelId: channel_id, rootTs: root_ts, aim });
  }
  return threads;
}

/** Results came in: the first page is behind. Of runs that give each host its reply, there is none. */
export async function touchBoards(
  trx: Transaction<Schema>,
  threads: Iterable<Thread>,
  at: number,
): Promise<void> {
  for (const thread of threads) {
    if (!thread.aim.usesBoard) continue;
    await touch(trx, [rowFor(thread, 'board', '1', 1, at + FIRST_BOARD_MS)], at + LIVE_BOARD_MS);
  }
}

/** The run has ended: every page is to be what it will stay, and the files can be made. */
export async function finishBoards(
  trx: Transaction<Schema>,
  runIds: readonly string[],
  at: number,
): Promise<void> {
  for (const thread of (await findThreads(trx, runIds)).values()) {
    if (!thread.aim.usesBoard) continue;
    const pages = Array.from({ length: BOARD_PAGES }, (_, i) =>
      rowFor(thread, 'board', String(i + 1), i + 1, at),
    );
    await touch(trx, [...pages, ...(await logRows(trx, thread, at))], at);
  }
}

/** Someone asks for the files of a run: also of one that gives each host its reply, and once more where they failed. */
export async function postLogs(trx: Transaction<Schema>, runId: string, at: number): Promise<boolean> {
  const rows: Insertable<Schema['outbox']>[] = [];
  for (const thread of (await findThreads(trx, [runId])).values()) {
    rows.push(...(await logRows(trx, thread, at)));
  }
  if (rows.length === 0) return false;
  await trx
    .insertInto('outbox')
    .values(rows)
    .onConflict((conflict) =>
      conflict
        .column('key')
        .doUpdateSet({ given_up_at: null, error: null, due_at: at })
        .where('outbox.given_up_at', 'is not', null),
    )
    .execute();
  const waiting = await trx
    .selectFrom('outbox')
    .select('key')
    .where('turn', '=', runId)
    .where('kind', '=', 'log')
    .where('due_at', 'is not', null)
    .executeTakeFirst();
  return waiting === undefined;
}

/** New rows are due when they say so; those that are there, `at` the latest, earlier if they were so already. */
async function touch(
  trx: Transaction<Schema>,
  rows: readonly Insertable<Schema['outbox']>[],
  at: number,
): Promise<void> {
  await trx
    .insertInto('outbox')
    .values(rows)
    .onConflict((conflict) =>
      conflict
        .column('key')
        .doUpdateSet({
          version: sql`outbox.version + 1`,
          due_at: sql`case when excluded.due_at is null then null when outbox.due_at < ${at} then outbox.due_at else ${at} end`,
        })
        .where('outbox.given_up_at', 'is', null),
    )
    .execute();
}

/**
 * Output longer than this may not fit into its reply; whether it does not is seen as the row of its file is
 * rendered. Well below a message's limit, because escapes make a text longer.
 */
const LONG_OUTPUT_CHARS = 1_500;

/** A host's result goes into the thread, and after it its file, where the run gives each host its own. */
export function rowsForHost(
  thread: Thread,
  job: { readonly host: string; readonly position: number },
  outcome: Outcome,
  at: number,
): Insertable<Schema['outbox']>[] {
  if (thread.aim.usesBoard) return [];
  const reply = { ...rowFor(thread, 'reply', job.host, job.position, at), host: job.host };
  if (isSpooled(outcome)) return [reply, spooledRow(thread, job.host, job.position, at)];
  if (!hasFile(outcome, thread.action)) return [reply];
  return [reply, { ...rowFor(thread, 'file', job.host, job.position, at), host: job.host }];
}

function isSpooled({ stdout, stderr }: Outcome): boolean {
  return stdout.spool !== undefined || stderr.spool !== undefined;
}

/** Takes as long as the files on whole runs, and so goes with them: no message waits behind it. */
function spooledRow(
  thread: Thread,
  host: string,
  position: number,
  at: number,
): Insertable<Schema['outbox']> {
  return { ...rowFor(thread, 'log', `host ${host}`, position, at), host };
}

/** The files on the whole run, and those with what hosts left on disk. */
async function logRows(
  trx: Transaction<Schema>,
  thread: Thread,
  at: number,
): Promise<Insertable<Schema['outbox']>[]> {
  const logs = LOG_FORMS.map((form, i) => rowFor(thread, 'log', form, BOARD_PAGES + 1 + i, at));
  const hosts = await listSpooledHosts(trx, thread);
  const behind = BOARD_PAGES + 1 + logs.length;
  return [...logs, ...hosts.map((host, i) => spooledRow(thread, host, behind + i, at))];
}

/** Hosts of a run that left output on disk, the first in its order: as many as get a file (`MAX_SPOOLED_FILES`). */
async function listSpooledHosts(
  trx: Transaction<Schema>,
  { runId, aim }: Thread,
): Promise<readonly string[]> {
  const hosts: string[] = [];
  for (let from = 0; from < aim.targets.size && hosts.length < MAX_SPOOLED_FILES; from += ROWS_AT_ONCE) {
    const rows = await trx
      .selectFrom('job')
      .innerJoin('result', 'result.job_id', 'job.id')
      .select('host')
      .where('run_id', '=', runId)
      .where('position', '>=', from)
      .where('position', '<', from + ROWS_AT_ONCE)
      // In text of a host the quotes would be escaped.
      .where('outcome_json', 'like', '%"spool":{%')
      .orderBy('position')
      .limit(MAX_SPOOLED_FILES - hosts.length)
      .execute();
    hosts.push(...rows.map(({ host }) => host));
    await breathe();
  }
  return hosts;
}

/** Due once there is a thread. */
function rowFor(
  { runId, channelId, rootTs }: Thread,
  kind: 'reply' | 'file' | 'board' | 'log',
  part: string,
  position: number,
  at: number,
): Insertable<Schema['outbox']> {
  return {
    key: `${kind}:${runId}:${part}`,
    kind,
    turn: runId,
    run_id: runId,
    position,
    channel_id: channelId,
    due_at: rootTs === null ? null : at,
    lease_until: 0,
    attempts: 0,
    version: 1,
  };
}

function hasFile({ kind, file, stdout, stderr }: Outcome, action: Action): boolean {
  switch (action) {
    case 'get':
      return kind === 'ok' && file !== undefined;
    case 'run':
      return outputChars({ stdout, stderr }) > LONG_OUTPUT_CHARS;
    case 'put':
      return false;
    default:
      return action satisfies never;
  }
}

/** Characters of output that were kept. */
export function outputChars({ stdout, stderr }: Pick<Outcome, 'stdout' | 'stderr'>): number {
  return stdout.head.length + stdout.tail.length + stderr.head.length + stderr.tail.length;
}
