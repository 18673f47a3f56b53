import type { Algorithms, KexAlgorithm, ServerHostKeyAlgorithm } from 'ssh2';

/** ssh2's own order, which is fastest first, but for the ones that block the process for a second and more. */
const KEX: KexAlgorithm[] = [
  'ecdh-sha2-nistp256',
  'curve25519-sha256',
  'curve25519-sha256@libssh.org',
  'ecdh-sha2-nistp384',
  'ecdh-sha2-nistp521',
  'diffie-hellman-group14-sha256',
  'diffie-hellman-group16-sha512',
  'diffie-hellman-group18-sha512',
];

const HOST_KEYS: readonly ServerHostKeyAlgorithm[] = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
  'ssh-rsa',
];

/** The types of host keys that can be asked for, by the names that known_hosts has for them. */
export const HOST_KEY_TYPES: readonly string[] = [...new Set(HOST_KEYS.map(typeOf))];

/**
 * Asks first for the types of key that the host is known by: another of its keys would look like a change.
 * Only for them where `isOnly`. Nothing is compressed: a packet is as large as it came.
 */
export function algorithmsFor(types: readonly string[], isOnly: boolean): Algorithms {
  const known = HOST_KEYS.filter((algorithm) => types.includes(typeOf(algorithm)));
  const others = HOST_KEYS.filter((algorithm) => !types.includes(typeOf(algorithm)));
  return { kex: KEX, serverHostKey: isOnly ? known : [...known, ...others], compress: ['none'] };
}

function typeOf(algorithm: ServerHostKeyAlgorithm): string {
  return algorithm.startsWith('rsa-sha2') ? 'ssh-rsa' : algorithm;
}
