import type { OutboxClaim, OutboxRow } from '../thread/row.ts';
import type { ClosedPlace } from '../thread/unread.ts';

/**
 * Messages to keep in line with the store, not events: a row stays due until what Slack shows is what the
 * store says, so no result is lost; a claim holds for a lease, so (almost) none is doubled.
 */
export interface Outbox {
  /** Up to `limit` due rows, oldest first, none of these channels; each is ours until `now + leaseMs`. */
  claim(query: OutboxClaim): Promise<readonly OutboxRow[]>;
  /**
   * Slack has it under this `ts`, or a notice in its place, which leaves the row's faults. The row is done unless
   * the store moved on since the claim.
   */
  sent(row: OutboxRow, ts: string, what?: 'message' | 'notice'): Promise<void>;
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
  /** It can never be sent in this form: kept with its error, no longer due. */
  giveUp(row: OutboxRow, error: string): Promise<void>;
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
}
