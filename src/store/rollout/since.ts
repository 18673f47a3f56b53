import type { Beat } from '../../time/beat.ts';
import type { Ledger } from '../jobs/settle.ts';
import type { RolloutTable } from '../schema.ts';

/** From when on something is waited for, over restarts. */
type Since = Pick<RolloutTable, 'since' | 'since_boot' | 'since_uptime_ms'>;

export function sinceNow({ beat }: Ledger): Since {
  const { at, boot, uptimeMs } = beat();
  return { since: at, since_boot: boot, since_uptime_ms: uptimeMs };
}

export function sinceOf({ since, since_boot, since_uptime_ms }: Since): Beat {
  return { at: since ?? Number.MAX_SAFE_INTEGER, boot: since_boot ?? '', uptimeMs: since_uptime_ms ?? 0 };
}
