import type { KeyPrint } from './host-key.ts';
import type { Requester } from './plan.ts';

/** One link of the audit trail: what was decided or came about, and the hashes that hold it in its place. */
export interface AuditEntry {
  readonly seq: number;
  /** Epoch ms. */
  readonly at: number;
  readonly teamId: string;
  readonly userId: string;
  readonly action:
    | 'accepted'
    | 'refused'
    | 'cancelled'
    | 'settled'
    | 'interrupted'
    | 'late'
    | 'started'
    | 'held'
    | 'resumed'
    | 'stopped'
    | 'read'
    | 'reloaded'
    | 'reload-failed'
    | 'trusted'
    | 'other-process'
    | 'text-read'
    | 'anchored'
    | 'retired'
    | 'sent-again'
    | 'moved';
  readonly runId: string | null;
  readonly channelId: string | null;
  readonly detail: Readonly<Record<string, unknown>>;
  readonly prev: string;
  readonly hash: string;
}

/** What an entry says of the origin of a file that the bot did not put where it lies, as far as it knows. */
export const NOT_ON_RECORD = 'not on record';

/** When the head of the trail is shown outside the database. */
export type AnchoredAt = 'start' | 'daily' | 'stop';

/** A head that was kept elsewhere: where the trail is the one of then, it has an entry that this is the beginning of. */
export interface ExpectedHead {
  readonly seq: number | undefined;
  /** Lower-case hex; all of it or its first digits. */
  readonly hash: string;
}

/** Of what was typed, and of what was said to it, the audit keeps so much: Slack lets anybody type forty times that. */
const MAX_TEXT_BYTES = 2_048;

/** Masked first, or half a secret would be left at the cut. */
export function keepStart(text: string): string {
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(MAX_TEXT_BYTES));
  if (read === text.length) return text;
  return `${text.slice(0, read)} … (${new TextEncoder().encode(text).length} bytes in all)`;
}

/** What came about without a request. */
export interface AuditedEvent {
  readonly action: 'reloaded' | 'reload-failed' | 'other-process';
  /** Not masked yet: its `reason` is what people read. */
  readonly detail: Readonly<Record<string, unknown>> & { readonly reason: string };
}

/** Somebody was shown how these runs, which others asked for, went. */
export interface AuditedRead {
  readonly requester: Requester;
  /** Empty on the Home tab. */
  readonly channelId: string;
  readonly runIds: readonly string[];
}

/** A person says which keys hosts are known by from now on. */
export interface AuditedTrust {
  readonly requester: Requester;
  readonly channelId: string;
  readonly hosts: readonly TrustedHost[];
}

export interface TrustedHost {
  readonly host: string;
  readonly place: string;
  /** Empty where nothing was known of it. */
  readonly known: readonly KeyPrint[];
  readonly keys: readonly KeyPrint[];
}

export interface AuditedRefusal {
  readonly requester: Requester;
  readonly channelId: string;
  /** As typed; the audit keeps its start. */
  readonly typed: string;
  readonly code: string;
  readonly reason: string;
}

/** What a walk along the whole chain found. */
export interface AuditVerification {
  readonly entries: number;
  /** `NUMBER:HASH` */
  readonly head: string;
  /** Sentences: somebody was at the record. */
  readonly faults: readonly string[];
  /** Sentences: what was given up on purpose, and what is not covered. */
  readonly notes: readonly string[];
}
