import type { Log } from '../ports/log.ts';
import type { Store } from '../ports/store.ts';
import { isSamePerson } from '../run/plan.ts';
import type { Asking } from '../run/planning.ts';
import type { Run } from '../run/run.ts';

/**
 * Writes down that somebody is about to be shown how runs of others went. Results are never hidden: where that
 * cannot be written down, they are shown, and the log says so.
 */
export async function recordReads(
  { store, log }: { readonly store: Store; readonly log: Log },
  { requester, channelId }: Pick<Asking, 'requester' | 'channelId'>,
  runs: readonly Run[],
): Promise<void> {
  const others = runs.filter(({ plan }) => !isSamePerson(plan.requester, requester));
  if (others.length === 0) return;
  try {
    await store.recordRead({ requester, channelId, runIds: others.map(({ id }) => id) });
  } catch (error) {
    log.error({ err: error }, 'that results were read could not be written to the audit');
  }
}
