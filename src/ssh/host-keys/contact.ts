import type { FirstKey } from '../../run/host-key.ts';

/** For which run a host is connected to, and who is told of keys that were not known before. */
export interface Contact {
  readonly runId: string;
  onFirstKey(key: FirstKey): void;
}

/** Puts first keys on record before anything is sent to their hosts; where it rejects, nothing is. */
export type RecordFirstKeys = (runId: string, keys: readonly FirstKey[]) => Promise<void>;
