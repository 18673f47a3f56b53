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
    | 'started'
    | 'held'
    | 'resumed'
    | 'reloaded'
    | 'reload-failed';
  readonly runId: string | null;
  readonly channelId: string | null;
  readonly detail: Readonly<Record<string, unknown>>;
  readonly prev: string;
  readonly hash: string;
}

/** What came about without a request. */
export interface AuditedEvent {
  readonly action: 'reloaded' | 'reload-failed';
  /** Not masked yet: its `reason` is what people read. */
  readonly detail: Readonly<Record<string, unknown>> & { readonly reason: string };
}

export interface AuditedRefusal {
  readonly requester: Requester;
  readonly channelId: string;
  /** As typed. */
  readonly typed: string;
  readonly code: string;
  readonly reason: string;
}
