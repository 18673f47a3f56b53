import type { Json } from '../json.ts';

/** How what people do reaches the app. */

export interface Delivery {
  readonly kind: 'slash_commands' | 'interactive';
  readonly payload: Json;
  /** Whether the ack may carry a message. */
  readonly acceptsResponse: boolean;
}

export type Delivered =
  | { readonly ok: true; readonly ackMs: number; readonly body: Json }
  | { readonly ok: false; readonly error: 'operation_timeout' | 'dispatch_failed' };

export interface Courier {
  /**
   * Answers with the ack, or with what the person is told. What was not acked in time is delivered once more,
   * marked as a retry; its ack changes nothing for the person.
   */
  deliver(delivery: Delivery): Promise<Delivered>;
}

/** Tells of acks that Slack would not take. */
export type ReportFault = (method: string, error: string, values: Json, details?: readonly string[]) => void;
