import type { FileDigest, Origin } from '../run/plan.ts';

/** The folder that `-local` may name things in. */
export interface TransferFolder {
  /** Size and checksum of the file to send; a `Refusal` where it is not a file inside the folder. */
  digestSource(local: string): Promise<FileDigest>;
  /**
   * What is on record of where this file came from; ask after its digest, so that it is of that content. Of one
   * that is being replaced both, and none of what an administrator placed. What lies where Slack's files are kept and
   * has no record is of somebody who is not known.
   */
  originsOf(local: string): Promise<readonly Origin[]>;
  /** A `Refusal` where the fetched files could not be put there. */
  checkDestination(local: string): Promise<void>;
  /** A fetched file's bytes, by its path below the folder, for the thread. Null where it is gone or above `maxBytes`. */
  read(path: string, maxBytes: number): Promise<Uint8Array<ArrayBuffer> | null>;
  /**
   * Keeps a file under this name, whole or not at all. The same name again takes its place; a `Refusal` where the
   * one there is another person's, and, before it is opened, where there is no room for it.
   */
  keep(local: string, file: KeptFile, origin: Origin): Promise<void>;
}

export interface KeptFile {
  /** As whoever has it says. */
  readonly bytes: number;
  open(): Promise<AsyncIterable<Uint8Array>>;
}

/**
 * The record of where files of the transfer folder came from, by their true path below it. It holds for the name
 * until the bot puts another file there, whatever else is done to it on the disk.
 */
export interface Origins {
  list(path: string): Promise<readonly Origin[]>;
  /**
   * Durably, before the file takes its place: the new origin beside the old ones. Answers with the first old one
   * that is of another person; nothing was noted then.
   */
  claim(path: string, origin: Origin): Promise<Origin | undefined>;
  /** The file is in its place: of its origins only this one is left. */
  settle(path: string, origin: Origin, file: FileMark): Promise<void>;
  /** Whether what lies there is what the bot put there, and nobody has changed or replaced it since. */
  isAsPut(path: string, file: FileMark): Promise<boolean>;
}

/** By which a file is known again. */
export interface FileMark {
  readonly bytes: number;
  /** Epoch ms of its last change. */
  readonly changedAt: number;
}

/** What commands said beyond what the store keeps, each stream's masked beginning a file. */
export interface Spool {
  /** The file's bytes, by its path below the spool folder; undefined where there is none any more. */
  read(path: string): Promise<AsyncIterable<Uint8Array> | undefined>;
}

/** Room on the bot's own disk for the files of one folder, shared by all that write there. */
export interface Room {
  /** A file that is about to be written, by its full path. What it takes is counted until `keep` or `drop`. */
  claim(path: string): Claim;
}

export interface Claim {
  /**
   * Takes room for so many bytes more, before they are written. Undefined where there was enough; else why there is
   * none, in a clause for people, and none was taken. Zero asks whether what is there may go on.
   */
  grow(bytes: number): Promise<string | undefined>;
  /**
   * So many bytes more have come, told before `grow` is asked for them. What was taken long ahead of them goes to
   * others who need it; it is taken again by the next `grow`, where there still is some.
   */
  came(bytes: number): void;
  /** The file is whole and in its place. */
  keep(): void;
  /** The file is gone. After `keep` nothing more. */
  drop(): void;
}

/** How much the bot's own disk holds of one kind. */
export interface DiskUse {
  readonly what: 'transfers' | 'spool' | 'database';
  readonly usedBytes: number;
  readonly maxBytes: number;
  /** On the disk that it lies on; infinite where that does not tell. */
  readonly freeBytes: number;
  /** Why nothing more is taken, a clause for people; null where there is room. */
  readonly trouble: string | null;
}
