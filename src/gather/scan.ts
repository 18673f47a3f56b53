import { breathe } from '../time/breathe.ts';
import { joined } from './bytes.ts';
import { openKeyBlocks } from './key-blocks.ts';
import type { Mask } from './mask.ts';

/** Searched in a millisecond or two. */
const PIECE_BYTES = 256 * 1024;

/** What keeps a file from being shown: one of the mask's secrets, or a private key, whoever's it is. */
export type SecretKind = 'secret' | 'key' | 'unseen';

/**
 * Undefined where nothing of the kind was found in it, read as it is and as UTF-16, in which Windows writes. Others get
 * their turn between its pieces.
 */
export async function findSecret(bytes: Uint8Array, mask: Mask): Promise<SecretKind | undefined> {
  const keys = openKeyBlocks();
  const wideKeys = openKeyBlocks();
  let before: Uint8Array = new Uint8Array(0);
  for (let from = 0; from < bytes.length; from += PIECE_BYTES) {
    const end = from + PIECE_BYTES;
    if (mask.holdsSecret(bytes.subarray(Math.max(0, from - mask.longestBytes), end))) return 'secret';
    const piece = bytes.subarray(from, end);
    const narrowed = narrow(piece);
    const withBefore = joined(before, narrowed);
    if (narrowed !== piece && mask.holdsSecret(withBefore)) return 'secret';
    before = withBefore.subarray(Math.max(0, withBefore.length - mask.longestBytes));
    keys.push(piece);
    wideKeys.push(narrowed);
    await breathe();
  }
  return keys.spansFrom(0).length + wideKeys.spansFrom(0).length > 0 ? 'key' : undefined;
}

/** UTF-16 of ASCII as that ASCII, whichever byte comes first. */
function narrow(bytes: Uint8Array): Uint8Array {
  if (!bytes.includes(0)) return bytes;
  const narrowed = new Uint8Array(bytes.length);
  let length = 0;
  for (const byte of bytes) {
    if (byte === 0) continue;
    narrowed[length] = byte;
    length += 1;
  }
  return narrowed.subarray(0, length);
}
