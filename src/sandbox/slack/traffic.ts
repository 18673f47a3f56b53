import { channel } from 'node:diagnostics_channel';
import type { Delivery } from './delivery/courier.ts';
import { type Json, textOf } from './json.ts';

/** All that goes over the wire between the app and the local Slack, for whoever listens: the tests judge it. */
export type Traffic =
  /** One call of the Web API; `answer` is empty where a fault kept it from being given. */
  | { readonly kind: 'call'; readonly name: string; readonly values: Json; readonly answer: Json }
  /** One answer at a response_url. */
  | { readonly kind: 'response_url'; readonly values: Json }
  /** What the app is sent: a frame of a socket, or a payload POSTed to it. */
  | { readonly kind: 'frame'; readonly values: Json }
  | { readonly kind: 'request'; readonly values: Json }
  /** What it answered; `name` is the `type` of that payload, `slash_commands` where it has none. */
  | { readonly kind: 'ack'; readonly name: string; readonly values: Json };

/** The name of the channel: https://nodejs.org/api/diagnostics_channel.html */
export const TRAFFIC = 'batchops.sandbox.slack';

const traffic = channel(TRAFFIC);

export function tellTraffic(part: Traffic): void {
  traffic.publish(part);
}

export function tellAck({ kind, payload }: Delivery, values: Json): void {
  tellTraffic({ kind: 'ack', name: textOf(payload, 'type') ?? kind, values });
}
