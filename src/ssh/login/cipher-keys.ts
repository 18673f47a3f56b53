import { createSecretKey, KeyObject } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { Client } from 'ssh2';
import { isObject } from '../memory/fields.ts';
import { releaseIncoming } from '../memory/incoming.ts';
import { reusePackets } from './cipher-packets.ts';

/** ssh2 1.17, lib/protocol/crypto.js: AES-GCM makes a cipher for each packet, out of the key in these fields. */
const KEYS = [
  ['_cipher', '_encKey'],
  ['_decipher', '_decipherKey'],
] as const;

/**
 * To be called after each exchange of keys. Node 24 finds out by exceptions that a key is bytes and no object: 44 µs for
 * each packet where 3 would do: 1.3 ms of CPU for each MiB of a copy. The library gets an object in the place of its
 * bytes; where it has changed inside, it keeps what it has.
 */
export function quickenCiphers(client: Client, socket: Duplex): void {
  const protocol: unknown = Reflect.get(client, '_protocol');
  if (!isObject(protocol)) return;
  for (const [name, field] of KEYS) {
    const cipher: unknown = Reflect.get(protocol, name);
    if (!isObject(cipher)) continue;
    const key: unknown = Reflect.get(cipher, field);
    if (!Buffer.isBuffer(key)) continue;
    Reflect.set(cipher, field, createSecretKey(key));
    if (name === '_cipher') reusePackets(cipher, socket);
    else releaseIncoming(cipher, () => Reflect.get(protocol, '_authenticated') === true);
  }
}

/** Whether packets are enciphered with objects now; undefined where the cipher in use makes no difference. */
export function isQuickened(client: Client): boolean | undefined {
  const protocol: unknown = Reflect.get(client, '_protocol');
  if (!isObject(protocol)) return undefined;
  const keys = KEYS.flatMap(([name, field]) => {
    const cipher: unknown = Reflect.get(protocol, name);
    const key: unknown = isObject(cipher) ? Reflect.get(cipher, field) : undefined;
    return key === undefined ? [] : [key];
  });
  return keys.length === 0 ? undefined : keys.length === 2 && keys.every((key) => key instanceof KeyObject);
}
