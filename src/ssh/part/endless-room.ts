import type { Room } from '../../ports/disk.ts';

/** As much as the disk takes. */
export const ENDLESS_ROOM: Room = {
  claim: () => ({ grow: async () => undefined, came() {}, keep() {}, drop() {} }),
};
