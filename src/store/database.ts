import type { Kysely, Transaction } from 'kysely';
import type { Shares } from '../policy/shares.ts';
import type { Log } from '../ports/log.ts';
import type { AuditTrail } from '../ports/records.ts';
import type { JobQueue } from './jobs/job-queue.ts';
import type { Ledger } from './jobs/settle.ts';
import type { StoredOutbox } from './outbox/outbox.ts';
import type { Posting } from './outbox/posting.ts';
import type { Schema } from './schema.ts';

/**
 * The one place where the tables are kept: a file of this process's own (`embedded/`), or a server that several
 * processes share (`postgres/`). Everything else in the store is one text for both. On either, transactions that
 * write come one after the other, over all processes: what one of them reads stays so until its end.
 */
export interface Database {
  /** For the administrator: a path, or a server's address without what is secret in it. */
  readonly name: string;
  readonly db: Kysely<Schema>;
  /** Other processes write there too, so what is remembered of it here may be out of date. */
  readonly isShared: boolean;
  /** Epoch ms by the clock that all processes share; of a file, the one that is passed in. */
  readonly clock: (() => number) | undefined;
  /** Which process this is, among those that share the tables. */
  readonly self: string;
  /** `Ledger.askToStop`. */
  askToStop(trx: Transaction<Schema>, jobIds: readonly string[]): Promise<void>;
  openQueue(ledger: Ledger, outbox: StoredOutbox, limits: QueueLimits): JobQueue;
  /**
   * Runs without a thread, or requests without an answer, whose process is gone: their ids, each told once, and to
   * one process. Of a file those of all former processes, at the first call.
   */
  takeAbandoned(what: 'run' | 'received'): Promise<readonly string[]>;
  /** Whether this is one of the processes that share the tables, or was lately. */
  isReplica(id: string): Promise<boolean>;
  /** Which due rows are this process's to bring to Slack; of a file all are. */
  readonly posting: Posting | undefined;
  /** For long walks: sees one moment, and holds up nobody. */
  readonly trail: AuditTrail;
  /** Bytes that hold something. */
  measureUse(): Promise<number>;
  /** One small step of giving back to the disk what is free. False: nothing is left to give back. */
  giveBack(): Promise<boolean>;
  /** Something was deleted that nobody is to read any more. May be called within a transaction. */
  erase(): void;
  /** Why nothing that is written now would be found again; undefined where it would. Some microseconds. */
  trouble(): string | undefined;
  /** Rejects where there is no room for more. */
  probe(): Promise<void>;
  /** `Store.describeTrouble`. */
  describeTrouble(error: unknown): string | undefined;
  /** What the administrator can mend, in a sentence; anything else goes on as the defect it is. */
  asConfigError(error: unknown): unknown;
  close(): Promise<void>;
}

export interface QueueLimits {
  readonly hostConcurrency: number;
  readonly shares: Shares;
}

/** What is opened with it. */
export interface DatabaseSettings {
  readonly url: string;
  readonly log: Log;
  /** Told of each statement that was not carried out. */
  readonly onFailure: () => void;
}
