import type { Refusal } from '../errors.ts';
import type { Log } from '../ports/log.ts';
import type { Store } from '../ports/store.ts';
import type { Asking } from '../run/planning.ts';

/** Writes a no down. One that cannot be written down is still a no. */
export async function recordRefusal(
  { store, log }: { readonly store: Pick<Store, 'recordRefusal'>; readonly log: Log },
  { requester, channelId, typed }: Asking,
  refusal: Refusal,
): Promise<void> {
  // The run that could not be posted was given up, and that is in the audit already.
  if (refusal.code === 'cannot-post') return;
  const { code, message: reason } = refusal;
  try {
    await store.recordRefusal({ requester, channelId, typed, code, reason });
  } catch (error) {
    log.error({ err: error }, 'a refusal could not be written to the audit');
  }
}
