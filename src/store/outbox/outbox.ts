import { type Kysely, sql } from 'kysely';
import type { Outbox } from '../../ports/outbox.ts';
import { FURTHEST_DUE_MS } from '../../thread/layout.ts';
import { type OutboxClaim, type OutboxRow, parseKey } from '../../thread/row.ts';
import type { Schema } from '../schema.ts';
import { claimRows } from './claim.ts';
import { type Clocks, dueRows } from './due-rows.ts';
import { GIVEN_UP_WITH } from './given-up.ts';
import { MAX_LOST, moveUnder, unroot } from './lost-roots.ts';
import type { Posting } from './posting.ts';

/**
 * Messages to keep in line with the store. In a row,
 *
 * - `due_at` says since when what Slack shows is behind, by the wall clock; null where it is not. It is never
 *   further ahead than `FURTHEST_DUE_MS`: one that is, was written before the clock was set back, and is due.
 * - `lease_until` says before when nobody is to touch it: a claim's lease, or a wait that Slack asked for. By a clock
 *   that nobody can set: of one process its own, as a start clears its leases; of several the server's.
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

  claim(query: OutboxClaim): Promise<readonly OutboxRow[]> {
    return claimRows(this.#db, query, {
      auditChannel: this.#auditChannel,
      clocks: this.#clocks,
      posting: this.#posting,
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
    if (subject?.kind === 'root' && !row.onlyIfStands && numUpdatedRows > 0n) {
      const { runId } = subject;
      if (await moveUnder(this.#db, runId, ts)) this.#onMoved(runId);
    }
    // It may have moved on meanwhile.
    this.announce();
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

  async #unroot(runId: string, ts: string | null): Promise<boolean> {
    const gone = await unroot(this.#db, runId, ts, this.#clocks.now());
    if (gone === 'taken-out') this.#onMoved(runId);
    return gone !== 'too-often';
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

/** Its message stands, as far as we know: it is edited there. */
function stands({ ts }: OutboxRow): boolean {
  return ts !== null && ts !== '';
}
