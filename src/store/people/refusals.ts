import type { Transaction } from 'kysely';
import type { Log } from '../../ports/log.ts';
import { type AuditedRefusal, keepStart } from '../../run/audit-entry.ts';
import { Deadline } from '../../time/deadline.ts';
import { appendAudit } from '../audit.ts';
import type { Ledger } from '../jobs/settle.ts';
import type { Schema } from '../schema.ts';
import { COUNTED_FOR_MS, countRefusal, findOver, forgetCount, takeCounted } from './refusal-counts.ts';

/**
 * Refusals in the audit. The first few of a person within a minute are entries of their own; what comes after is
 * counted in the store, and becomes one entry when the minute is over, when anything else of that person is
 * recorded (`appendAudit` sees to that), or as the store is opened or closed. So no refusal goes unrecorded, and a
 * person who types without end writes four lines a minute.
 */
export class Refusals {
  readonly #ledger: Ledger;
  readonly #log: Log;
  readonly #onWritten: () => void;
  readonly #minute = new Deadline({ keepsProcess: false });
  #isClosed = false;

  private constructor(ledger: Ledger, log: Log, onWritten: () => void) {
    this.#ledger = ledger;
    this.#log = log;
    this.#onWritten = onWritten;
  }

  /** What a former process has counted is written first. */
  static async open(ledger: Ledger, log: Log, onWritten: () => void): Promise<Refusals> {
    const refusals = new Refusals(ledger, log, onWritten);
    await refusals.#write('all');
    return refusals;
  }

  async record({ requester, channelId, typed, code, reason }: AuditedRefusal): Promise<void> {
    const { db, now, mask, auditLines } = this.#ledger;
    const detail = { code, reason: keepStart(mask(reason)), typed: keepStart(mask(typed)) };
    await db.transaction().execute(async (trx) => {
      const at = now();
      await this.#writeOver(trx, at, at);
      const how = await countRefusal(trx, requester, channelId, detail, at);
      if (how === 'counted') return;
      await appendAudit(
        trx,
        { at, by: requester, action: 'refused', runId: null, channelId, detail },
        auditLines,
      );
    });
    this.#plan();
  }

  /** What is only counted so far is written now. */
  async writeAll(): Promise<void> {
    await this.#write('all');
  }

  /** Rejects where the store does; what was counted is then there at the next start. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#minute.clear();
    await this.#write('all');
  }

  #plan(): void {
    // A write that was under way at the end would plan the next one behind it.
    if (!this.#isClosed && !this.#minute.isSet) this.#minute.set(COUNTED_FOR_MS, () => void this.#onTime());
  }

  async #onTime(): Promise<void> {
    try {
      if ((await this.#write(this.#ledger.now())) > 0) this.#plan();
    } catch (error) {
      this.#ledger.meters.count('auditFailures', 'all');
      this.#log.warn({ err: error }, 'counted refusals could not be written to the audit yet');
      this.#plan();
    }
  }

  /** How many people are left whose minute goes on. */
  async #write(over: number | 'all'): Promise<number> {
    const left = await this.#ledger.db.transaction().execute(async (trx) => {
      await this.#writeOver(trx, over, this.#ledger.now());
      return (await findOver(trx, 'all')).length;
    });
    this.#onWritten();
    return left;
  }

  async #writeOver(trx: Transaction<Schema>, over: number | 'all', at: number): Promise<void> {
    for (const by of await findOver(trx, over)) {
      const counted = await takeCounted(trx, by);
      await forgetCount(trx, by);
      if (counted === undefined) continue;
      await appendAudit(trx, { at, by, action: 'refused', runId: null, ...counted }, this.#ledger.auditLines);
    }
  }
}
