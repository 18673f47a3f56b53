import type { OutboxClaim, OutboxRow } from '../thread/row.ts';
import type { ClosedPlace } from '../thread/unread.ts';

/**
 * Messages to keep in line with the store, not events: a row stays due until what Slack shows is what the
 * store says, so no result is lost; a claim holds for a lease, so (almost) none is doubled.
 */
export interface Outbox {
  /**
   * Up to `limit` due rows, none of the channels `except`; runs take turns, each with its oldest first. Each is ours until
   * `now + leaseMs`.
   */
  claim(query: OutboxClaim): Promise<readonly OutboxRow[]>;
  /**
   * Slack has it under this `ts`, or a notice in its place, which leaves the row's faults. The row is done unless
   * the store moved on since the claim.
   */
  sent(row: OutboxRow, ts: string, what?: 'message' | 'notice'): Promise<void>;
  /** It is being sent still: nobody else's before `until`. */
  hold(row: OutboxRow, until: number): Promise<void>;
  /** Its turn had not come, so nothing was tried: due again at `at`. */
  defer(row: OutboxRow, at: number, why: string): Promise<void>;
  /** Slack was asked and does not have it: due again at `at`, one try the wiser. */
  failed(row: OutboxRow, at: number, error: string): Promise<void>;
  /**
   * Slack has the bytes of its file under this id, and is to be asked to show it: to be known before, as its answer
   * may be lost. False where the row is not of this claim any more.
   */
  uploaded(row: OutboxRow, fileId: string): Promise<boolean>;
  /** Its message is about to be made once more: should that end the process, it counts as a fault. */
  making(row: OutboxRow): Promise<void>;
  /** Its message could not be made: due again at `at`. */
  faulted(row: OutboxRow, at: number, error: string): Promise<void>;
  /**
   * It can never be sent in this form: kept with its error, no longer due. `place`: its channel would not have it, a file
   * say, and may once it is another (`Places.filesWork`).
   */
  giveUp(row: OutboxRow, error: string, cause?: 'itself' | 'place'): Promise<void>;
  /**
   * Slack no longer has its message, or, of one that is to be posted, the root message of its thread: that is posted
   * anew, and all that is due goes below the new one. Given up where that came to pass a few times already.
   */
  lost(row: OutboxRow, error: string): Promise<void>;
  /** When the next row falls due, of channels that are not closed; undefined where none waits. */
  nextDueAt(): Promise<number | undefined>;
  onDue(listener: () => void): void;
}

/**
 * Channels that Slack does not let us write into at present. Durable: no job of a run starts whose channel is closed,
 * as nobody could read what came of it.
 */
export interface Places {
  list(): Promise<readonly string[]>;
  /** Slack said no once more, in this word. */
  close(channelId: string, error: string): Promise<ClosedPlace>;
  /** All that is due there is kept, and no longer due until it opens again. */
  giveUp(channelId: string, error: string): Promise<void>;
  /**
   * Something was written there: what was given up for its sake is due again, and what waited may start; where nobody
   * could read for longer than waiting work may begin by itself, it is held for a person to let go.
   */
  reopen(channelId: string): Promise<void>;
  /** A file was taken there: files that were given up for the channel's sake are due again. */
  filesWork(channelId: string): Promise<void>;
}

/** For an administrator: what Slack has not taken. */
export interface OutboxDesk {
  /** What was given up, then what is due and fails; oldest first. */
  list(): Promise<readonly StuckRow[]>;
  /** Makes due again what was given up: `all`, of one run, or one row by its key. Audited as done by `by`. */
  retry(which: string, by: string): Promise<GivenUpRetried>;
}

export interface StuckRow {
  readonly key: string;
  /** `failing`: it is due, and tried again without anybody's help. */
  readonly state: 'given-up' | 'failing';
  /** In words. */
  readonly what: string;
  readonly runId: string | null;
  /** Null for the audit channel. */
  readonly channelId: string | null;
  /** Since when it is due. Epoch ms. */
  readonly since: number;
  /** Slack's word, or ours where its message could not be made. */
  readonly error: string;
  /** It was laid aside with all of its channel, and comes by itself once anything works there. */
  readonly isOfPlace: boolean;
  readonly tries: number;
}

export interface GivenUpRetried {
  readonly rows: number;
  /** Their channels that cannot be written into at present: what is for these waits for that. */
  readonly closed: readonly { readonly channelId: string; readonly error: string }[];
}
