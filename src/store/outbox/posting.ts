import type { SelectQueryBuilder, Transaction } from 'kysely';
import type { Schema } from '../schema.ts';

/** Where several processes bring rows to Slack: which of them are this one's to bring now. */
export interface Posting {
  narrow<T extends SelectQueryBuilder<Schema, 'outbox', object>>(
    trx: Transaction<Schema>,
    due: T,
  ): Promise<T>;
}
