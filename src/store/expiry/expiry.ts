import type { Kysely } from 'kysely';
import type { Expiry, Keeping } from '../../ports/records.ts';
import type { Database } from '../database.ts';
import { removeOldFacts } from '../jobs/host-facts.ts';
import type { Ledger } from '../jobs/settle.ts';
import { removeOldDoubts } from '../people/doubts.ts';
import type { Retired, Schema } from '../schema.ts';
import { findNext, markGone } from './mark.ts';
import { type Progress, removeSentLines, removeSome } from './remove.ts';

/** Above this part of what the database may hold, the oldest goes, until it is back below the other. */
const TOO_FULL = 0.9;
const ROOMY = 0.8;
/**
 * What is stored is not kept for ever. Works in steps of some milliseconds each, so that nobody waits: first it is
 * put down, with its audit entry, that something is gone (from then on nobody is shown a part of it), then it is removed
 * row by row; a crash in between costs nothing but time. Never touched is what belongs to a run that has not
 * ended, or of which Slack does not have everything yet.
 */
export class StoredExpiry implements Expiry {
  readonly #ledger: Ledger;
  readonly #onGone: (runIds: readonly string[]) => void;
  readonly #database: Database;
  /** How far the removal of a run has come. */
  #progress: Progress | undefined;
  /** Whether the size is what counts at the moment. */
  #isCrowded = false;
  /** The last audit line that was looked at in this round. */
  #lookedAtLine = '';

  constructor(ledger: Ledger, database: Database, onGone: (runIds: readonly string[]) => void) {
    this.#ledger = ledger;
    this.#database = database;
    this.#onGone = onGone;
  }

  async step(keep: Keeping): Promise<boolean> {
    return (
      (await removeOldDoubts(this.#ledger)) ||
      (await removeOldFacts(this.#ledger, keep.runMs)) ||
      (await this.#removeSome()) ||
      (await this.#markOld('runs', keep.runMs)) ||
      (await this.#markOld('output', keep.outputMs)) ||
      (await this.#markWhereCrowded(keep.maxBytes)) ||
      (await this.#database.giveBack()) ||
      (await this.#removeLines(keep.outputMs))
    );
  }

  async #removeSome(): Promise<boolean> {
    const { db } = this.#ledger;
    const { runId, what } = this.#progress ?? (await findExpiring(db)) ?? {};
    if (runId === undefined || what === undefined) return false;
    this.#progress ??= { runId, what, position: 0 };
    this.#progress = await removeSome(db, this.#progress);
    return true;
  }

  async #markOld(what: Retired, keepMs: number): Promise<boolean> {
    if (keepMs === Number.POSITIVE_INFINITY) return false;
    const before = this.#ledger.now() - keepMs;
    const runIds = await findNext(this.#ledger.db, what, { before });
    return await this.#mark(what, runIds, { before, reason: 'it was older than it is to be kept' });
  }

  /** What was said goes first, the oldest; only where none is left, whole runs. */
  async #markWhereCrowded(maxBytes: number): Promise<boolean> {
    const { db } = this.#ledger;
    const usedBytes = await this.#database.measureUse();
    this.#isCrowded = usedBytes > maxBytes * (this.#isCrowded ? ROOMY : TOO_FULL);
    if (!this.#isCrowded) return false;
    for (const what of ['output', 'runs'] as const) {
      const runIds = await findNext(db, what, { count: 1 });
      const reason = 'the database was nearly full, and it was the oldest';
      if (await this.#mark(what, runIds, { reason })) return true;
    }
    return false;
  }

  async #mark(
    what: Retired,
    runIds: readonly string[],
    why: { readonly before?: number; readonly reason: string },
  ): Promise<boolean> {
    if (runIds.length === 0) return false;
    this.#onGone(await markGone(this.#ledger, what, runIds, why));
    return true;
  }

  async #removeLines(keepMs: number): Promise<boolean> {
    if (keepMs === Number.POSITIVE_INFINITY) return false;
    const { db, now } = this.#ledger;
    const next = await removeSentLines(db, this.#lookedAtLine, now() - keepMs);
    this.#lookedAtLine = next ?? '';
    return next !== undefined;
  }
}

async function findExpiring(
  db: Kysely<Schema>,
): Promise<{ readonly runId: string; readonly what: Retired } | undefined> {
  return await db.selectFrom('expiring').select(['run_id as runId', 'what']).executeTakeFirst();
}
