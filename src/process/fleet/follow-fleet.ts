import type { LearningMask } from '../../gather/mask.ts';
import { revealAll } from '../../inventory/secret.ts';
import type { Log } from '../../ports/log.ts';
import type { Store } from '../../ports/store.ts';
import { ReloadRecord } from './reloads.ts';
import type { WatchedFleet } from './watched-fleet.ts';

export interface Following {
  readonly mask: LearningMask;
  readonly store: Pick<Store, 'recordEvent'>;
  readonly log: Log;
  /** It is in force: whoever works by it looks again. */
  readonly onChange: () => void;
}

/** What is changed on disk is in force at once: its secrets are known first, and that it changed is on record. */
export function followFleet(
  fleet: WatchedFleet,
  { mask, store, log, onChange }: Following,
): { close(): Promise<void> } {
  const record = new ReloadRecord({ record: (event) => store.recordEvent(event), log });
  const following = fleet.follow({
    beforeChange: ({ inventory }) => mask.learn(revealAll(inventory.secrets)),
    onChange(changes) {
      record.changed(changes);
      for (const warning of [...fleet.inventory.warnings, ...fleet.allowlist.warnings]) {
        log.warn({}, `is this meant? ${warning}`);
      }
      onChange();
    },
    onFailure: (problems) => record.failed(problems),
  });
  return {
    async close() {
      await following.close();
      await record.close();
    },
  };
}
