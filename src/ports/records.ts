import type { TextReading, TextSource } from '../command/slash-text.ts';
import type { AuditEntry, AuditVerification, ExpectedHead } from '../run/audit-entry.ts';
import type { Doubtful } from '../run/doubtful.ts';
import type { TrustableReport } from '../run/host-key.ts';
import type { HostFacts } from '../run/ping/facts.ts';
import type { Requester } from '../run/plan.ts';
import type { ReceivedRequest, Unanswered } from '../run/received.ts';

/**
 * Who asked for something and has no answer yet, so that a crash cannot lose it without a word: the next process
 * tells them. It carries none of it out.
 */
export interface Received {
  /** Durably, under an id that no other ever has: a late word about one is about no other. */
  note(request: ReceivedRequest, id: string): Promise<void>;
  /** They were answered. What becomes a run is forgotten as its thread stands: `releaseRun`. */
  forget(ids: readonly string[]): Promise<void>;
  /** Those of processes that are gone, oldest first; each is told once, and to one process. */
  unanswered(): Promise<readonly Unanswered[]>;
}

/** What is remembered of hosts from contacts with them. */
export interface HostFactsStore {
  /** Each merged with what is known of its host. */
  remember(facts: readonly HostFacts[]): Promise<void>;
  /** By lower-case name. */
  list(hosts: readonly string[]): Promise<ReadonlyMap<string, HostFacts>>;
}

/** Removes what is not to be kept any more; the audit stays whole. */
export interface Expiry {
  /** One small step. False: for now nothing is left to do. */
  step(keep: Keeping): Promise<boolean>;
}

/** How long what is stored is kept, from the end of its run on. Milliseconds, perhaps infinite. */
export interface Keeping {
  /** What hosts said, and the record of the messages that told it. */
  readonly outputMs: number;
  /** The runs themselves. */
  readonly runMs: number;
  /** Near so many bytes, the oldest goes whatever its age. */
  readonly maxBytes: number;
}

export interface Doubts {
  /** Under which id it waits; undefined where this very request was put there before, whatever came of it. */
  put(doubt: Doubtful): Promise<string | undefined>;
  /** The key of its request, also once it was taken; only for whoever sent it. */
  find(id: string, by: Requester): Promise<string | undefined>;
  /** Once, and only for whoever sent it. */
  take(id: string, by: Requester): Promise<Doubtful | undefined>;
}

/** What became of an offer: what was shown, or why not. */
export type Offered = readonly TrustableReport[] | 'gone' | 'of-another' | 'taken';

/** Host keys that somebody may say yes to. */
export interface Offers {
  /** Under that id; of one person the last few are kept. */
  put(id: string, by: Requester, reports: readonly TrustableReport[], kept: Kept): Promise<void>;
  /** Once, and only for whom they were shown to. */
  take(id: string, by: Requester, at: number): Promise<Offered>;
}

/** Epoch ms. */
export interface Kept {
  readonly at: number;
  readonly until: number;
}

/** How Slack writes `& < >` in this workspace, as people said. Audited. */
export interface TextReadings {
  find(teamId: string, source: TextSource): Promise<TextReading | undefined>;
  /** The first word stands until it is forgotten: false where there is one. */
  remember(by: Requester, source: TextSource, reading: TextReading): Promise<boolean>;
  /** False where there was none. */
  forget(by: Requester, source: TextSource): Promise<boolean>;
}

export interface AuditTrail {
  find(seq: number): Promise<AuditEntry | undefined>;
  /** Walks the whole chain, and all that it speaks of; looks for the `head` where one is given. */
  verify(head?: ExpectedHead): Promise<AuditVerification>;
  entries(): AsyncIterable<AuditEntry>;
}
