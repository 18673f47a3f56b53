import { breathe } from '../time/breathe.ts';
import { openKeyBlocks } from './key-blocks.ts';
import type { Mask } from './mask.ts';

/** Searched in a millisecond or two. */
const PIECE_BYTES = 256 * 1024;

/** What keeps a file from being shown: one of the mask's secrets, or a private key, whoever's it is. */
export type SecretKind = 'secret' | 'key';

/** Undefined where nothing of the kind was found in it. Others get their turn between its pieces. */
export async function findSecret(bytes: Uint8Array, mask: Mask): Promise<SecretKind | undefined> {
  const keys = openKeyBlocks();
  for (let from = 0; from < bytes.length; from += PIECE_BYTES) {
    const piece = bytes.subarray(Math.max(0, from - mask.longestBytes), from + PIECE_BYTES);
    if (mask.holdsSecret(piece)) return 'secret';
    keys.push(bytes.subarray(from, from + PIECE_BYTES));
    await breathe();
  }
  return keys.spansFrom(0).length > 0 ? 'key' : undefined;
}
