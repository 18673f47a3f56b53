import type { Refusal } from '../errors.ts';
import type { Log } from '../ports/log.ts';
import type { Meters } from '../ports/meters.ts';
import type { Store } from '../ports/store.ts';
import type { Asking } from '../run/planning.ts';

interface RefusalContext {
  readonly store: Pick<Store, 'recordRefusal'>;
  readonly log: Log;
  readonly meters: Meters;
}

/** Counts a no and writes it down. One that cannot be written down is still a no. */
export async function recordRefusal(
  { store, log, meters }: RefusalContext,
  { requester, channelId, typed }: Asking,
  refusal: Refusal,
): Promise<void> {
  meters.count('refusals', refusal.code);
  // The run that could not be posted was given up, and that is in the audit already.
  if (refusal.code === 'cannot-post') return;
  const { code, message: reason } = refusal;
  try {
    await store.recordRefusal({ requester, channelId, typed, code, reason });
  } catch (error) {
    log.error({ err: error }, 'a refusal could not be written to the audit');
  }
}
