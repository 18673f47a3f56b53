import { createHash } from 'node:crypto';

/** Of a public key, as it goes over the wire: what whoever logs in with it is told from others by. */
export function hashOf(key: Uint8Array): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 16);
}
