import { setTimeout as sleep } from 'node:timers/promises';
import type { Json } from '../json.ts';
import type { Courier, Delivered, Delivery } from './courier.ts';

/**
 * Delivers an event until it is acked: again at once, after a minute, after five, as the Events API does. Answers
 * with what came of the first delivery; the others go on by themselves.
 */
export async function deliverEvent(
  courier: Courier,
  payload: Json,
  retryMs: readonly number[],
): Promise<Delivered> {
  const delivery: Delivery = { kind: 'events_api', acceptsResponse: false, payload };
  const first = await courier.attempt(delivery, null);
  if (first.ok) return first;
  void repeat(courier, delivery, first.reason, retryMs);
  return { ok: false, error: first.error };
}

async function repeat(
  courier: Courier,
  delivery: Delivery,
  firstReason: string,
  retryMs: readonly number[],
): Promise<void> {
  let reason = firstReason;
  for (const [index, delayMs] of retryMs.entries()) {
    await sleep(delayMs, undefined, { ref: false });
    const again = await courier.attempt(delivery, { attempt: index + 1, reason });
    if (again.ok) return;
    reason = again.reason;
  }
}
