import { type Kysely, sql, type Transaction } from 'kysely';
import type { Outbox } from '../../ports/outbox.ts';
import { FURTHEST_DUE_MS } from '../../thread/layout.ts';
import { formatKey, type OutboxClaim, type OutboxRow, parseKey } from '../../thread/row.ts';
import type { Schema } from '../schema.ts';
import { type Clocks, dueRows } from './due-rows.ts';
import { GIVEN_UP_WITH } from './given-up.ts';
import type { Posting } from './posting.ts';

/** Whose turn refusals and reads are: people can bring them about in any number. */
export const LAST = 'refused';

/**
 * Messages to keep in line with the store. In a row,
 *
 * - `due_at` says since when what Slack shows is behind, by the wall clock; null where it is not. It is never
 *   further ahead than `FURTHEST_DUE_MS`: one that is, was written before the clock was set back, and is due.
 * - `lease_until` says before when nobody is to touch it: a claim's lease, or a wait that Slack asked for. By the
 *   poster's steady clock, which nobody can set: leases are of this process, and a start clears them. (Several
 *   processes would need the clock of their database here.)
 * - `version` counts what happened to it here. A message sent from an older version leaves the row due.
 * - `attempts` counts claims since the last one that is known to have sent it; it also tells an old claim from the
 *   present one, so that a poster that comes back after its lease cannot put off or give up what another has sent.
 *   At 0 no claim is out: whoever comes next reads all that has happened.
 * - `tries` counts those of them in which Slack was asked in vain: a wait for one's turn is none.
 * - `faults` counts those, one after the other, in which its message could not be made, or perhaps ended the
 *   process. It stays where what was sent is the notice in the message's place.
 */
export class StoredOutbox implements Outbox {
  readonly #db: Kysely<Schema>;
  readonly #auditChannel: string | undefined;
  readonly #clocks: Clocks;
  readonly #listeners: (() => void)[] = [];
  /** A run's root message is another one, or none for now. */
  readonly #onMoved: (runId: string) => void;
  /** Where other processes bring rows to Slack as well. */
  readonly #posting: Posting | undefined;
  readonly #look: ReturnType<typeof setInterval> | undefined;

  constructor(
    db: Kysely<Schema>,
    auditChannel: string | undefined,
    clocks: Clocks,
    onMoved: (runId: string) => void,
    posting?: Posting,
  ) {
    this.#posting = posting;
    // What another process made due nobody here hears of.
    this.#look = posting && setInterval(() => void this.#lookForDue(), LOOK_MS).unref();
    this.#db = db;
    this.#auditChannel = auditChannel;
    this.#clocks = clocks;
    this.#onMoved = onMoved;
  }

  close(): void {
    clearInterval(this.#look);
  }

  async #lookForDue(): Promise<void> {
    // Where the store fails the poster says so.
    const dueAt = await this.nextDueAt().catch(() => undefined);
    if (dueAt !== undefined && dueAt <= this.#clocks.steady()) this.announce();
  }

  onDue(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** For the store, after a commit that may have made rows due. */
  announce(): void {
    for (const listener of this.#listeners) listener();
  }

  /**
   * Runs (and the audit lines) take turns: first the oldest due row of each, then the second of each, and so on.
   * Lines of refusals and reads come last, however long they have waited.
   */
  claim(query: OutboxClaim): Promise<readonly OutboxRow[]> {
    return this.#db.connection().execute(async (db) => {
      // Mostly nothing is due: no reason to begin what writes, and to wait for whoever else does.
      const some = await this.#dueRows(db, query).select('key').limit(1).executeTakeFirst();
      return some === undefined ? [] : await this.#claim(db, query);
    });
  }

  #dueRows(db: Kysely<Schema>, { except, lane, now }: OutboxClaim) {
    return dueRows(db, { auditChannel: this.#auditChannel, clocks: this.#clocks }, { except, lane }, now);
  }

  #claim(db: Kysely<Schema>, query: OutboxClaim): Promise<readonly OutboxRow[]> {
    const { limit, now, leaseMs, joins, channel } = query;
    return db.transaction().execute(async (trx) => {
      let due = this.#dueRows(trx, query);
      if (joins !== undefined) due = due.where('joins', '=', joins);
      if (channel !== undefined) {
        const isAudit = channel === this.#auditChannel;
        due = due.where((row) =>
          isAudit
            ? row.or([row('channel_id', '=', channel), row('channel_id', 'is', null)])
            : row('channel_id', '=', channel),
        );
      }
      if (this.#posting !== undefined) due = await this.#posting.narrow(trx, due);
      // In the order of the index `outbox_due`: however many are due, they are not sorted.
      const inRounds = due.select(['key', 'turn', 'due_at']).select(({ fn }) =>
        fn
          .agg<number>('row_number')
          .over((rows) =>
            rows.partitionBy('turn').orderBy('due_at').orderBy('position').orderBy('key', 'desc'),
          )
          .as('round'),
      );
      const rows = await trx
        .selectFrom(inRounds.as('due'))
        .innerJoin('outbox', 'outbox.key', 'due.key')
        .leftJoin('run', 'run.id', 'outbox.run_id')
        .selectAll('outbox')
        .select('run.root_ts')
        .where('due.round', '<=', limit)
        .orderBy(({ eb }) => eb('due.turn', '=', LAST))
        .orderBy('due.round')
        .orderBy('due.due_at')
        .orderBy('due.turn')
        .limit(limit)
        .execute();
      if (rows.length === 0) return [];
      await trx
        .updateTable('outbox')
        .set({ lease_until: Math.ceil(now + leaseMs), attempts: sql`attempts + 1` })
        .where(
          'key',
          'in',
          rows.map(({ key }) => key),
        )
        .execute();
      return rows.flatMap((row) => {
        const channelId = row.channel_id ?? this.#auditChannel;
        if (channelId === undefined) return [];
        const { key, sends, position, joins, ts, attempts, tries, faults, version } = row;
        const uploadId = row.upload_id;
        const onlyIfStands = row.only_if_stands === 1;
        // Its thread's root message is being posted anew: it comes back once that stands.
        const isInThread = row.channel_id !== null && row.run_id !== null && !isRootOf(row.key, row.run_id);
        if (isInThread && row.root_ts === null && !onlyIfStands) return [];
        // The thread stands under the run's root message, which is itself in none; an audit line is in none either.
        const threadTs = row.channel_id === null || ts === row.root_ts ? null : row.root_ts;
        const counts = { attempts, tries, faults, version };
        return [{ key, sends, channelId, threadTs, position, joins, ts, uploadId, onlyIfStands, ...counts }];
      });
    });
  }

  async sent(row: OutboxRow, ts: string, what: 'message' | 'notice' = 'message'): Promise<void> {
    let sent = this.#db.updateTable('outbox').where('key', '=', row.key);
    // It is to be posted anew meanwhile: the message that was edited is no longer this row's.
    if (stands(row)) sent = sent.where('ts', '=', row.ts);
    const { numUpdatedRows } = await sent
      .set((column) => ({
        ts,
        due_at: column.case().when('version', '=', row.version).then(null).else(column.ref('due_at')).end(),
        lease_until: 0,
        // Another claim may be out, if this one came back after its lease.
        attempts: column
          .case()
          .when('attempts', '=', row.attempts + 1)
          .then(0)
          .else(column.ref('attempts'))
          .end(),
        tries: 0,
        upload_id: null,
        faults: what === 'notice' ? row.faults : 0,
        error: null,
      }))
      .executeTakeFirst();
    const subject = parseKey(row.key);
    if (subject?.kind === 'root' && !row.onlyIfStands && numUpdatedRows > 0n)
      await this.#rooted(subject.runId, ts);
    // It may have moved on meanwhile.
    this.announce();
  }

  /** Where it was posted anew, what is due goes below it. */
  async #rooted(runId: string, ts: string): Promise<void> {
    const hasMoved = await this.#db.transaction().execute((trx) => this.#moveTo(trx, runId, ts));
    if (hasMoved) this.#onMoved(runId);
  }

  async #moveTo(trx: Transaction<Schema>, runId: string, ts: string): Promise<boolean> {
    const moved = await trx
      .updateTable('run')
      .set({ root_ts: ts })
      .where('id', '=', runId)
      .where('root_ts', 'is', null)
      .where('root_lost', '>', 0)
      .executeTakeFirst();
    if (moved.numUpdatedRows === 0n) return false;
    await trx.updateTable('outbox').set({ lease_until: 0 }).where('turn', '=', runId).execute();
    return true;
  }

  async lost(row: OutboxRow, error: string): Promise<void> {
    const subject = parseKey(row.key);
    const runId = subject === undefined || subject.kind === 'audit' ? undefined : subject.runId;
    const isRoot = subject?.kind === 'root';
    // One that stood in the thread, which may stand still.
    const isOther = stands(row) && !isRoot;
    if (runId === undefined) return await this.giveUp(row, error);
    const mayGo = isOther ? await this.#countLost(row) : await this.#unroot(runId, row.ts ?? row.threadTs);
    if (!mayGo) return await this.giveUp(row, error);
    await this.#ofThisClaim(row).set({ ts: null, lease_until: 0, attempts: 0, tries: 0, error }).execute();
    this.announce();
  }

  async #countLost(row: OutboxRow): Promise<boolean> {
    const counted = await this.#ofThisClaim(row)
      .set((column) => ({ lost: sql`${column.ref('lost')} + 1` }))
      .where('lost', '<', MAX_LOST)
      .executeTakeFirst();
    return counted.numUpdatedRows > 0n;
  }

  /** The root message under `ts` is gone. False where it was so too often already. */
  async #unroot(runId: string, ts: string | null): Promise<boolean> {
    return await this.#db.transaction().execute(async (trx) => {
      const run = await trx
        .selectFrom('run')
        .select(['root_ts', 'root_lost'])
        .where('id', '=', runId)
        .executeTakeFirst();
      // Somebody was here before, for another row.
      if (run === undefined || run.root_ts !== ts) return true;
      if (run.root_lost >= MAX_LOST) return false;
      await trx
        .updateTable('run')
        .set((column) => ({ root_ts: null, root_lost: sql`${column.ref('root_lost')} + 1` }))
        .where('id', '=', runId)
        .execute();
      await trx
        .updateTable('outbox')
        .set({
          ts: null,
          due_at: this.#clocks.now(),
          lease_until: 0,
          given_up_at: null,
          version: sql`version + 1`,
        })
        // A board is edited as long as the run goes on: it is to be read under the new one.
        .where((of) =>
          of.or([
            of('key', '=', formatKey({ kind: 'root', runId })),
            of.and([of('turn', '=', runId), of('key', 'like', 'board:%'), of('ts', 'is not', null)]),
          ]),
        )
        .execute();
      this.#onMoved(runId);
      return true;
    });
  }

  async hold(row: OutboxRow, until: number): Promise<void> {
    await this.#ofThisClaim(row)
      .set({ lease_until: Math.ceil(until) })
      .execute();
  }

  async defer(row: OutboxRow, at: number, why: string): Promise<void> {
    await this.#ofThisClaim(row)
      .set({ lease_until: Math.ceil(at), faults: row.faults, error: why })
      .execute();
    this.announce();
  }

  async failed(row: OutboxRow, at: number, error: string): Promise<void> {
    const { tries, faults } = row;
    await this.#ofThisClaim(row)
      .set({ lease_until: Math.ceil(at), tries: tries + 1, faults, error })
      .execute();
    this.announce();
  }

  async uploaded(row: OutboxRow, fileId: string): Promise<boolean> {
    const { numUpdatedRows } = await this.#ofThisClaim(row).set({ upload_id: fileId }).executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  async making(row: OutboxRow): Promise<void> {
    await this.#ofThisClaim(row)
      .set({ faults: row.faults + 1 })
      .execute();
  }

  async faulted(row: OutboxRow, at: number, error: string): Promise<void> {
    await this.#ofThisClaim(row)
      .set({ lease_until: Math.ceil(at), faults: row.faults + 1, error })
      .execute();
    this.announce();
  }

  async giveUp(row: OutboxRow, error: string, cause: 'itself' | 'place' = 'itself'): Promise<void> {
    await this.#ofThisClaim(row)
      .set((column) => ({
        given_up_at: column.ref('due_at'),
        due_at: null,
        lease_until: 0,
        faults: row.faults,
        error: cause === 'place' ? `${GIVEN_UP_WITH}${error}` : error,
      }))
      .execute();
  }

  async nextDueAt(): Promise<number | undefined> {
    const wallNow = this.#clocks.now();
    const aheadMs = wallNow - this.#clocks.steady();
    const dueAt = sql`case when due_at > ${wallNow + FURTHEST_DUE_MS} then 0 else due_at - ${aheadMs} end`;
    const freeAt = sql`case when lease_until > ${dueAt} then lease_until else ${dueAt} end`;
    const row = await dueRows(
      this.#db,
      { auditChannel: this.#auditChannel, clocks: this.#clocks },
      { except: [] },
    )
      .where((of) =>
        of(
          of.fn.coalesce('channel_id', of.val(this.#auditChannel ?? '')),
          'not in',
          of.selectFrom('place').select('place.channel_id'),
        ),
      )
      .select(sql<number | null>`min(${freeAt})`.as('at'))
      .executeTakeFirst();
    return row?.at ?? undefined;
  }

  #ofThisClaim(row: OutboxRow) {
    return this.#db
      .updateTable('outbox')
      .where('key', '=', row.key)
      .where('attempts', '=', row.attempts + 1);
  }
}

const LOOK_MS = 500;

/** So often a message is posted anew: somebody may delete all that we post. */
const MAX_LOST = 2;

/** Its message stands, as far as we know: it is edited there. */
function stands({ ts }: OutboxRow): boolean {
  return ts !== null && ts !== '';
}

function isRootOf(key: string, runId: string): boolean {
  return key === formatKey({ kind: 'root', runId });
}
