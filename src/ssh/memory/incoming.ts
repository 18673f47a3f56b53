import { isObject, watchField } from './fields.ts';
import { isWhole, release } from './release.ts';

/** Packets that were deciphered into memory of their own: whoever is done with one gives it back. */
const packets = new WeakSet<ArrayBufferLike>();

/**
 * Lets the library's AES-GCM (ssh2 1.17, lib/protocol/crypto.js) keep nothing of what came: what the socket read is
 * deciphered piece by piece, and each piece is copied into its packet, unless it is the whole of it. Where the library
 * has changed inside, V8 collects that as it would have.
 */
export function releaseIncoming(decipher: object, isLoggedIn: () => boolean): void {
  const decrypt: unknown = Reflect.get(decipher, 'decrypt');
  if (typeof decrypt !== 'function') return;
  let piece: Uint8Array | undefined;
  const done = () => {
    if (piece) release(piece);
    piece = undefined;
  };

  watchField(decipher, '_decipherInstance', (instance) => {
    const update: unknown = isObject(instance) ? Reflect.get(instance, 'update') : undefined;
    if (!isObject(instance) || typeof update !== 'function') return;
    Reflect.set(instance, 'update', (bytes: Uint8Array): unknown => {
      done();
      const plain: unknown = Reflect.apply(update, instance, [bytes]);
      // One that is the whole packet becomes the packet.
      if (plain instanceof Uint8Array && bytes.length !== Reflect.get(decipher, '_len')) piece = plain;
      return plain;
    });
  });
  watchField(decipher, '_packet', (packet) => {
    if (packet instanceof Uint8Array && isWhole(packet)) packets.add(packet.buffer);
  });
  Reflect.set(decipher, 'decrypt', (bytes: Uint8Array, start: number, end: number): unknown => {
    const rest: unknown = Reflect.apply(decrypt, decipher, [bytes, start, end]);
    done();
    // Until the login its first words are kept, to say what a host is that cannot be understood.
    if (rest === undefined && isLoggedIn()) release(bytes);
    return rest;
  });
}

/** All that came in this packet is copied: nobody reads it any more. `bytes` are what it carried. */
export function releasePacket({ buffer }: Uint8Array): void {
  if (packets.delete(buffer)) release(new Uint8Array(buffer));
}
