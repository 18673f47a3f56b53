import type { Store } from '../../../src/ports/store.ts';
import { openStore, type StoreSettings } from '../../../src/store/open.ts';
import { quiet, type StoreRig } from '../rig.ts';

/** Another process on the same tables, as far as the store can tell. */
export async function openAnother(
  rig: StoreRig,
  settings: Partial<StoreSettings> = {},
): Promise<Store & AsyncDisposable> {
  const store = await openStore({
    url: rig.url,
    hostConcurrency: 1,
    auditChannel: 'CAUDIT',
    mask: (text) => text,
    log: quiet,
    ...settings,
  });
  return Object.assign(store, { [Symbol.asyncDispose]: () => store.close().catch(() => {}) });
}
