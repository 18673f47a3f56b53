import { type Kysely, type Selectable, sql, type Transaction } from 'kysely';
import type { AuditTrail } from '../ports.ts';
import type { AuditEntry } from '../run/audit-entry.ts';
import type { Requester } from '../run/plan.ts';
import { oweAuditLine } from '../thread/layout.ts';
import { asConfigError, openReader, parseDatabaseUrl } from './embedded/database.ts';
import { REFUSED } from './outbox.ts';
import { oweRows } from './owed-rows.ts';
import { breathe, digestOutcomes, ROWS_AT_ONCE } from './records.ts';
import { takeCounted } from './refusal-counts.ts';
import { CHAIN_START, type Schema } from './schema.ts';
import { sha256 } from './sha256.ts';

export interface AuditEvent {
  readonly at: number;
  readonly by: Requester;
  readonly action: AuditEntry['action'];
  readonly runId: string | null;
  readonly channelId: string | null;
  /** Already masked. */
  readonly detail: Readonly<Record<string, unknown>>;
}

/** The bot itself, for what nobody asked for. */
export const NOBODY: Requester = { teamId: '', userId: '' };

/**
 * Adds the next link of the chain, in the transaction of what it records: both stand or neither. Comes last in
 * it, so that with several writers the head is held as short as can be. Refusals of the same person that were only
 * counted so far go before it.
 */
export async function appendAudit(
  trx: Transaction<Schema>,
  event: AuditEvent,
  lineFor: 'channel' | 'nobody',
): Promise<void> {
  const { at, by } = event;
  const counted = await takeCounted(trx, by);
  if (counted !== undefined) await link(trx, { at, by, action: 'refused', runId: null, ...counted }, lineFor);
  await link(trx, event, lineFor);
}

async function link(
  trx: Transaction<Schema>,
  event: AuditEvent,
  lineFor: 'channel' | 'nobody',
): Promise<void> {
  const head = await trx
    .updateTable('audit_head')
    .set({ seq: sql`seq + 1` })
    .where('id', '=', 1)
    .returning(['seq', 'hash'])
    .executeTakeFirstOrThrow();
  const row = {
    seq: head.seq,
    at: event.at,
    team_id: event.by.teamId,
    user_id: event.by.userId,
    action: event.action,
    run_id: event.runId,
    channel_id: event.channelId,
    detail_json: JSON.stringify(event.detail),
    prev: head.hash,
  };
  const hash = hashEntry(row);
  await trx
    .insertInto('audit')
    .values({ ...row, hash })
    .execute();
  await trx.updateTable('audit_head').set({ hash }).where('id', '=', 1).execute();
  if (lineFor === 'nobody') return;
  const turn = isMereRefusal(event) ? REFUSED : 'audit';
  const channel = { turn, runId: event.runId, channelId: null, isOpen: true };
  await oweRows(trx, channel, [oweAuditLine(row.seq, event.at)]);
}

/** Nothing came of it, and anybody can bring it about. */
function isMereRefusal({ action, runId }: AuditEvent): boolean {
  return action === 'refused' && runId === null;
}

type AuditRow = Selectable<Schema['audit']>;

function hashEntry(row: Omit<AuditRow, 'hash'>): string {
  const { seq, at, team_id, user_id, action, run_id, channel_id, detail_json, prev } = row;
  return sha256(JSON.stringify([seq, at, team_id, user_id, action, run_id, channel_id, detail_json, prev]));
}

function toEntry(row: AuditRow): AuditEntry {
  return {
    seq: row.seq,
    at: row.at,
    teamId: row.team_id,
    userId: row.user_id,
    action: row.action,
    runId: row.run_id,
    channelId: row.channel_id,
    detail: parseDetail(row.detail_json),
    prev: row.prev,
    hash: row.hash,
  };
}

/** A forged entry may hold anything: `verify` names it, reading it does not fail. */
function parseDetail(json: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null ? { ...value } : { unreadable: json };
  } catch {
    return { unreadable: json };
  }
}

// ── reading it ──────────────────────────────────────────────────────────────────────────────────────────────

/**
 * The audit trail alone, for the command line: needs no lock, so it works beside a running bot. Its verbs
 * reject with a `ConfigError` where there is no such database.
 */
export function openAuditTrail(databaseUrl: string): AuditTrail {
  return auditTrailOf(parseDatabaseUrl(databaseUrl));
}

/** Each walk opens its own view of the file and holds up nobody; only `verify` sees one moment of it. */
export function auditTrailOf(path: string): AuditTrail {
  return {
    async find(seq) {
      await using reader = openView(path);
      const row = await reader.db.selectFrom('audit').selectAll().where('seq', '=', seq).executeTakeFirst();
      return row && toEntry(row);
    },
    async *entries() {
      await using reader = openView(path);
      try {
        for await (const row of walk(reader.db)) yield toEntry(row);
      } catch (error) {
        throw asConfigError(path, error);
      }
    },
    async verify() {
      await using reader = openView(path);
      try {
        // One transaction: what is appended meanwhile is not half seen.
        return await reader.db.transaction().execute(verifyChain);
      } catch (error) {
        throw asConfigError(path, error);
      }
    },
  };
}

function openView(path: string): AsyncDisposable & { readonly db: Kysely<Schema> } {
  const reader = openReader(path);
  return { db: reader.db, [Symbol.asyncDispose]: () => reader.close() };
}

async function* walk(db: Kysely<Schema>): AsyncGenerator<AuditRow> {
  for (let after = Number.MIN_SAFE_INTEGER; ; ) {
    const rows = await db
      .selectFrom('audit')
      .selectAll()
      .where('seq', '>', after)
      .orderBy('seq')
      .limit(ROWS_AT_ONCE)
      .execute();
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined) return;
    after = last.seq;
    await breathe();
  }
}

/** What a run's entries say of it. */
interface Witness {
  planHash?: unknown;
  digest?: unknown;
  /** That it is no longer kept. */
  isGone?: true;
}

async function verifyChain(db: Kysely<Schema>): ReturnType<AuditTrail['verify']> {
  const faults: string[] = [];
  const witnesses = new Map<string, Witness>();
  let entries = 0;
  let seq = 0;
  let hash = CHAIN_START;
  for await (const row of walk(db)) {
    entries++;
    if (row.seq !== seq + 1) faults.push(missing(seq + 1, row.seq - 1));
    else if (row.prev !== hash)
      faults.push(`entry ${row.seq} does not follow entry ${seq}: one was replaced`);
    if (hashEntry(row) !== row.hash) faults.push(`entry ${row.seq} was changed`);
    ({ seq, hash } = row);
    if (row.action === 'expired') {
      for (const id of runsGone(parseDetail(row.detail_json))) {
        witnesses.set(id, { ...witnesses.get(id), isGone: true });
      }
    }
    if (row.run_id !== null) {
      const { planHash, digest } = parseDetail(row.detail_json);
      const witness = witnesses.get(row.run_id) ?? {};
      if (row.action === 'accepted') witness.planHash = planHash;
      if (row.action === 'settled' || row.action === 'refused') witness.digest = digest;
      witnesses.set(row.run_id, witness);
    }
  }
  const head = await db.selectFrom('audit_head').select(['seq', 'hash']).executeTakeFirst();
  if (head === undefined) faults.push('the head of the chain is gone');
  else if (head.seq > seq) faults.push(`${missing(seq + 1, head.seq)} at the end`);
  else if (head.seq !== seq || head.hash !== hash) faults.push('the head of the chain is not its last entry');
  faults.push(...(await verifyRuns(db, witnesses)));
  return { entries, head: `${seq}:${hash}`, faults };
}

const missing = (from: number, to: number): string =>
  from === to ? `entry ${from} is missing` : `entries ${from} to ${to} are missing`;

/** Undefined where a stored result is no result any more: somebody has been at it. */
async function digestReadable(db: Kysely<Schema>, runId: string): Promise<string | undefined> {
  try {
    return await digestOutcomes(db, runId);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Of an entry `expired`: the runs of which nothing but their hashes is kept. */
function runsGone({ what, runs }: Readonly<Record<string, unknown>>): readonly string[] {
  return what === 'run' && Array.isArray(runs) ? runs.filter((id) => typeof id === 'string') : [];
}

/** The chain says what was accepted and how it ended; the tables must say the same. */
async function verifyRuns(
  db: Kysely<Schema>,
  witnesses: ReadonlyMap<string, Witness>,
): Promise<readonly string[]> {
  const faults: string[] = [];
  const unseen = new Set(
    [...witnesses].flatMap(([id, { planHash }]) => (planHash === undefined ? [] : [id])),
  );
  const runs = await db
    .selectFrom('run')
    .select(['id', 'state', 'plan_hash', 'digest', 'gone_at'])
    .orderBy('number')
    .execute();
  for (const run of runs) {
    unseen.delete(run.id);
    const witness = witnesses.get(run.id);
    if (witness?.planHash === undefined) faults.push(`run ${run.id} has no entry "accepted"`);
    if (run.gone_at !== null && witness?.isGone === true) {
      // What was accepted, and how it ended, is left as hashes.
      if (run.plan_hash !== witness.planHash || run.digest !== witness.digest) {
        faults.push(`run ${run.id}: what is left of it is not what was recorded`);
      }
      continue;
    }
    const { plan_json } = await db
      .selectFrom('run')
      .select('plan_json')
      .where('id', '=', run.id)
      .executeTakeFirstOrThrow();
    if (sha256(plan_json) !== (witness?.planHash ?? run.plan_hash)) {
      faults.push(`run ${run.id}: the stored plan is not the one that was accepted`);
    }
    if (run.state !== 'finished') continue;
    if (witness?.digest === undefined) faults.push(`run ${run.id} ended without an entry that says how`);
    else if (witness.digest !== (await digestReadable(db, run.id))) {
      faults.push(`run ${run.id}: the stored results are not those that were recorded`);
    }
  }
  for (const id of unseen) faults.push(`run ${id} was accepted and is no longer stored`);
  return faults;
}
