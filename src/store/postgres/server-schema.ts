import type { Generated, Kysely, Transaction } from 'kysely';
import type { Schema } from '../schema.ts';

/** What a server has besides, as several processes share it. */
export interface ServerSchema extends Omit<Schema, 'run' | 'job' | 'received'> {
  run: Schema['run'] & {
    /** Counts up with each change of its state, over all runs and jobs; null before the first. */
    changed: Generated<number | null>;
    /** Which process put it down, or sees to it since that is gone. */
    opener: Generated<string | null>;
  };
  received: Schema['received'] & { opener: Generated<string | null> };
  job: Schema['job'] & {
    /** Which process has taken it, or had; null before, and where it was given back. */
    worker: Generated<string | null>;
    /** Of its host, while it has a ticket: `web01#0`. */
    lane: Generated<string | null>;
    /** It runs, perhaps in another process, and is to end. */
    stop_asked: Generated<boolean>;
    changed: Generated<number | null>;
    /** Its host's lane is taken until then, though it has its outcome. Epoch ms by the server's clock. */
    kept_until: Generated<number | null>;
  };
  replica: ReplicaTable;
  posting: PostingTable;
  errand: ErrandTable;
}

/** What one process asks another one. */
interface ErrandTable {
  id: string;
  /** Of which part whoever is to answer is; and which one, where that is not all the same. */
  role: string;
  replica: string | null;
  what: string;
  words: string;
  put_at: number;
  taken_by: Generated<string | null>;
  answer: Generated<string | null>;
}

/** One row: who brings messages to Slack, and until when nobody else does. Epoch ms by the server's clock. */
interface PostingTable {
  id: number;
  replica: string;
  until: number;
}

/** Processes that were there within the last minutes. */
interface ReplicaTable {
  id: string;
  /** Epoch ms by the server's clock. */
  seen_at: number;
  /** `starting` until it is there for its part. */
  role: Generated<string>;
}

/** The same tables, with what only a server has of them, and without: Kysely's types are all that differs. */
export function toServer(db: Transaction<Schema>): Transaction<ServerSchema>;
export function toServer(db: Kysely<Schema>): Kysely<ServerSchema>;
export function toServer(db: Kysely<Schema>): Kysely<ServerSchema> {
  return db as unknown as Kysely<ServerSchema>;
}

export function toStore(trx: Transaction<ServerSchema>): Transaction<Schema> {
  return trx as unknown as Transaction<Schema>;
}
