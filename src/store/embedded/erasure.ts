import { type Kysely, sql } from 'kysely';
import type { Log } from '../../ports/log.ts';
import { Deadline } from '../../time/deadline.ts';
import type { Schema } from '../schema.ts';

/** Somebody reads in another process (a backup, `npm run audit`): tried again after so long. */
const RETRY_MS = 1_000;

/**
 * What was deleted leaves the file at once, as `secure_delete` writes zeros over it; the write-ahead log still has
 * the pages as they were before. It is brought into the file and cut to nothing, once nobody reads from it.
 */
export class Erasure {
  readonly #db: Kysely<Schema>;
  readonly #log: Log;
  readonly #next = new Deadline({ keepsProcess: false });
  #isClosed = false;

  constructor(db: Kysely<Schema>, log: Log) {
    this.#db = db;
    this.#log = log;
  }

  /** May be called within a transaction: it waits for its end. */
  plan(afterMs = 0): void {
    // A try that was under way at the end would plan the next one behind it.
    if (!this.#isClosed && !this.#next.isSet) this.#next.set(afterMs, () => void this.#tryNow());
  }

  async #tryNow(): Promise<void> {
    try {
      if (!(await this.#cut())) this.plan(RETRY_MS);
    } catch (error) {
      this.#log.warn({ err: error }, 'what was deleted may still be read in the write-ahead log');
      this.plan(RETRY_MS);
    }
  }

  /** False where somebody reads. */
  async #cut(): Promise<boolean> {
    // One connection, so it is behind whatever transaction is under way.
    return await this.#db.connection().execute(async (own) => {
      const { rows: before } = await sql<{ timeout: number }>`pragma busy_timeout`.execute(own);
      // node:sqlite waits synchronously: nobody is to stand still for a reader.
      await sql`pragma busy_timeout = 0`.execute(own);
      try {
        const { rows } = await sql<{ busy: number }>`pragma wal_checkpoint(truncate)`.execute(own);
        return rows[0]?.busy === 0;
      } finally {
        await sql`pragma busy_timeout = ${sql.lit(before[0]?.timeout ?? 0)}`.execute(own);
      }
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#next.clear();
  }
}
