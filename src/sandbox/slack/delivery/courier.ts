import type { Json } from '../json.ts';

/** How what people do reaches the app. */

export interface Delivery {
  readonly kind: 'slash_commands' | 'interactive' | 'events_api';
  readonly payload: Json;
  /** Whether the ack may carry a message. */
  readonly acceptsResponse: boolean;
}

export type Delivered =
  | { readonly ok: true; readonly ackMs: number; readonly body: Json }
  | { readonly ok: false; readonly error: 'operation_timeout' | 'dispatch_failed' };

/** Which delivery of an event this is after the first, and why the one before it does not count. */
export interface Retry {
  readonly attempt: number;
  readonly reason: string;
}

export type Attempt =
  | { readonly ok: true; readonly ackMs: number; readonly body: Json }
  | {
      readonly ok: false;
      readonly error: 'operation_timeout' | 'dispatch_failed';
      /** As the next delivery names it. */
      readonly reason: string;
    };

export interface Courier {
  /**
   * Answers with the ack, or with what the person is told. A slash command that was not acked in time, or found
   * nobody, is delivered once more, marked as a retry; its ack changes nothing for the person. A click is not.
   */
  deliver(delivery: Delivery): Promise<Delivered>;
  /** One delivery of an event, without any other. */
  attempt(delivery: Delivery, retry: Retry | null): Promise<Attempt>;
}

/** Tells of acks that Slack would not take. */
export type ReportFault = (method: string, error: string, values: Json, details?: readonly string[]) => void;
