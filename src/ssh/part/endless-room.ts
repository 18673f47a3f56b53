import type { Room } from '../../ports.ts';

/** As much as the disk takes. */
export const ENDLESS_ROOM: Room = {
  claim: () => ({ grow: async () => undefined, keep() {}, drop() {} }),
};
