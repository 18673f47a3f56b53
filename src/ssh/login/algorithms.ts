import type {
  Algorithms,
  CipherAlgorithm,
  CompressionAlgorithm,
  KexAlgorithm,
  MacAlgorithm,
  ServerHostKeyAlgorithm,
} from 'ssh2';

/** What two sides have to agree on, as people call it. */
export interface Suite {
  readonly 'key exchange': readonly KexAlgorithm[];
  readonly 'host key': readonly ServerHostKeyAlgorithm[];
  readonly cipher: readonly CipherAlgorithm[];
  readonly MAC: readonly MacAlgorithm[];
  readonly compression: readonly CompressionAlgorithm[];
}

/** Key exchanges in ssh2's own order, fastest first, but for the ones that block the process for a second and more. */
const MODERN: Suite = {
  'key exchange': [
    'ecdh-sha2-nistp256',
    'curve25519-sha256',
    'curve25519-sha256@libssh.org',
    'ecdh-sha2-nistp384',
    'ecdh-sha2-nistp521',
    'diffie-hellman-group14-sha256',
    'diffie-hellman-group16-sha512',
    'diffie-hellman-group18-sha512',
  ],
  'host key': [
    'ssh-ed25519',
    'ecdsa-sha2-nistp256',
    'ecdsa-sha2-nistp384',
    'ecdsa-sha2-nistp521',
    'rsa-sha2-512',
    'rsa-sha2-256',
  ],
  cipher: [
    'aes128-gcm@openssh.com',
    'aes256-gcm@openssh.com',
    'aes128-ctr',
    'aes192-ctr',
    'aes256-ctr',
    'chacha20-poly1305@openssh.com',
  ],
  MAC: ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com', 'hmac-sha2-256', 'hmac-sha2-512'],
  compression: ['none'],
};

/** Weak, or in the way: only for a host of which the inventory says `legacy = yes`, and only where it has no other. */
const OLD: Suite = {
  'key exchange': ['diffie-hellman-group14-sha1', 'diffie-hellman-group1-sha1'],
  'host key': ['ssh-rsa'],
  cipher: ['aes256-cbc', 'aes192-cbc', 'aes128-cbc', '3des-cbc'],
  MAC: ['hmac-sha1-etm@openssh.com', 'hmac-sha1', 'hmac-sha1-96', 'hmac-md5', 'hmac-md5-96'],
  // Not `zlib`, which begins before the login: what a host sends until then is as large as it came.
  compression: ['zlib@openssh.com'],
};

const PARTS = ['key exchange', 'host key', 'cipher', 'MAC', 'compression'] as const;

/** The types of host keys that can be asked for, by the names that known_hosts has for them. */
export const HOST_KEY_TYPES: readonly string[] = [...new Set(MODERN['host key'].map(typeOf))];

/** What a host is asked for: the types of key that it is known by, these only where `isOnly`, and old ways or none. */
export interface Wish {
  readonly types: readonly string[];
  readonly isOnly: boolean;
  readonly isLegacy: boolean;
}

/**
 * What is offered to a host. Asks first for the types of key that it is known by: another of its keys would look
 * like a change.
 */
export function suiteFor({ types, isOnly, isLegacy }: Wish): Suite {
  const all = isLegacy ? join(MODERN, OLD) : MODERN;
  const isKnown = (algorithm: ServerHostKeyAlgorithm) => types.includes(typeOf(algorithm));
  const known = all['host key'].filter(isKnown);
  const others = all['host key'].filter((algorithm) => !isKnown(algorithm));
  return { ...all, 'host key': isOnly ? known : [...known, ...others] };
}

/** The same as the library takes it. */
export function algorithmsOf(suite: Suite): Algorithms {
  return {
    kex: [...suite['key exchange']],
    serverHostKey: [...suite['host key']],
    cipher: inItsOrder(suite.cipher),
    hmac: [...suite.MAC],
    compress: [...suite.compression],
  };
}

/** The library's own come first, in its order, which goes by what the processor does best. */
function inItsOrder(ciphers: readonly CipherAlgorithm[]) {
  return { prepend: [], append: OLD.cipher.filter((name) => ciphers.includes(name)), remove: [] };
}

/** By the same names, what a host says that it has. */
export type Offered = Readonly<Record<keyof Suite, readonly string[]>>;

/**
 * Why nothing was agreed on, where `legacy = yes` would change that: the old ways that the host offers and nothing
 * else. Undefined where they are not the reason, or not all of it.
 */
export function findOldOnly(offered: Offered, wish: Wish): string | undefined {
  if (wish.isLegacy) return undefined;
  const modern = suiteFor(wish);
  const old = suiteFor({ ...wish, isLegacy: true });
  const found: string[] = [];
  for (const part of PARTS) {
    const isThere = (name: string) => offered[part].includes(name);
    if (modern[part].some(isThere) || (part === 'MAC' && needsNoMac(offered, modern))) continue;
    const names = old[part].filter(isThere);
    if (names.length === 0) return undefined;
    // Of the one key that is asked for; it may have others.
    const what = part === 'host key' && wish.isOnly ? 'signatures of its RSA key' : part;
    found.push(`${names.join(', ')} (${what})`);
  }
  return found.length === 0 ? undefined : found.join(', ');
}

/** RFC 5647, 5.1: such a cipher is its own MAC. */
function needsNoMac(offered: Offered, ours: Suite): boolean {
  const cipher = ours.cipher.find((name) => offered.cipher.includes(name));
  return cipher !== undefined && /gcm|poly1305/.test(cipher);
}

function join(first: Suite, second: Suite): Suite {
  return {
    'key exchange': [...first['key exchange'], ...second['key exchange']],
    'host key': [...first['host key'], ...second['host key']],
    cipher: [...first.cipher, ...second.cipher],
    MAC: [...first.MAC, ...second.MAC],
    compression: [...first.compression, ...second.compression],
  };
}

/** RSA keys have one name in known_hosts, whatever they sign with. */
export function typeOf(algorithm: string): string {
  return algorithm.startsWith('rsa-sha2-') ? 'ssh-rsa' : algorithm;
}

/** Whether a signature of this key is one of SHA-1. `hash` as ssh2 has it: an RSA key without one signs so. */
export function isSha1(key: { readonly type: string }, hash: string | undefined): boolean {
  return key.type === 'ssh-rsa' && hash !== 'sha256' && hash !== 'sha512';
}

/** RFC 8308, 3.1: a host that takes better ones says so before the login. */
export const ONLY_SHA1 =
  'names no signatures of an RSA key that it takes but those with SHA-1 (ssh-rsa); `legacy = yes` allows them, and a key of another type does without';
