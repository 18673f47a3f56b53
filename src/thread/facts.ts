import type { FoldRow } from '../gather/fold.ts';
import type { SecretKind } from '../gather/scan.ts';
import type { NameSet } from '../report/text/host-names.ts';
import type { AuditEntry } from '../run/audit-entry.ts';
import type { CopyProgress } from '../run/copy-progress.ts';
import type { Sight } from '../run/live-output.ts';
import type { Job, Run, SlowJob } from '../run/run.ts';

/** What a get brought: its path below the transfer folder, and what it is of, in hex. */
export interface FetchedFile {
  readonly path: string;
  readonly sha256: string;
}

/** What a thread is told from: what is stored, and what lies on disk. */
export interface ThreadFacts {
  findRun(runId: string): Promise<Run | undefined>;
  findJob(runId: string, host: string): Promise<Job | undefined>;
  listFoldRows(runId: string): Promise<readonly FoldRow[]>;
  readJobs(runId: string): AsyncIterable<Job>;
  listSlowest(runId: string, count: number): Promise<readonly SlowJob[]>;
  /** Of the copies that are on the wire now; undefined where there are none. */
  copyProgress(runId: string): Promise<CopyProgress | undefined>;
  /** How far a host is, and what it has said last; undefined where it is not on the wire (any more). */
  sightOf(runId: string, host: string): Promise<Sight | undefined>;
  /** Nobody is there who could begin anything. */
  lacksWorkers(): boolean;
  findAuditEntry(seq: number): Promise<AuditEntry | undefined>;
  /** A fetched file's bytes, by its path below the transfer folder; null where it is gone or above `maxBytes`. */
  readFetched(path: string, maxBytes: number): Promise<Uint8Array<ArrayBuffer> | null>;
  /** SHA-256, in hex. */
  digest(bytes: Uint8Array<ArrayBuffer>): Promise<string>;
  /** Output on disk, by its path below the spool folder; undefined where there is none any more. */
  readSpooled(path: string): Promise<AsyncIterable<Uint8Array> | undefined>;
  /** A group's name for a set of hosts that is exactly that group. */
  readonly nameSet: NameSet;
  /**
   * Takes secrets out of what leaves as bytes; messages are masked where they leave. The second for a text too
   * long to be masked at once.
   */
  masked(text: string): string;
  maskedChunks(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>;
  /** Whether a password, key or token that the bot works with stands in a file as it is, or anybody's private key. */
  findSecret(bytes: Uint8Array, file: FetchedFile): Promise<SecretKind | undefined>;
  /** Epoch ms. */
  now(): number;
}
