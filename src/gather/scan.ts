import { breathe } from '../time/breathe.ts';
import type { Mask } from './mask.ts';

/** Searched in a millisecond or two. */
const PIECE_BYTES = 256 * 1024;

/** Whether a file holds one of the mask's secrets. Others get their turn between its pieces. */
export async function holdsSecret(bytes: Uint8Array, mask: Mask): Promise<boolean> {
  for (let from = 0; from < bytes.length; from += PIECE_BYTES) {
    const piece = bytes.subarray(Math.max(0, from - mask.longestBytes), from + PIECE_BYTES);
    if (mask.holdsSecret(piece)) return true;
    await breathe();
  }
  return false;
}
