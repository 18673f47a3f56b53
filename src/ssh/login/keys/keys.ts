import { createPrivateKey, hash } from 'node:crypto';
import ssh2, { type ParsedKey } from 'ssh2';
import type { Host } from '../../../inventory/inventory.ts';
import type { KeyFault } from '../../../inventory/section/host-section.ts';
import { isPublicKey } from '../../../inventory/section/parse-host.ts';
import { fingerprint } from '../../host-keys/known-hosts.ts';
import { wordsOf } from '../../trouble.ts';
import { readCertificate } from './certificate.ts';

/** Decrypting a key takes a tenth of a second of the only thread: once per key, not once per host. */
const readKeys = new Map<string, ParsedKey | KeyFault>();
const MAX_READ_KEYS = 256;

/**
 * The text of a key file → the key that is logged in with, or what is wrong with it. Asked when the inventory
 * is read as well as at each login, so that what starts can log in.
 */
export function readPrivateKey(text: string, passphrase: string | undefined): ParsedKey | KeyFault {
  const id = hash('sha256', JSON.stringify([text, passphrase ?? null]));
  const known = readKeys.get(id);
  if (known) return known;
  const result = parsePrivateKey(text, passphrase);
  if (readKeys.size >= MAX_READ_KEYS) readKeys.clear();
  readKeys.set(id, result);
  return result;
}

/** A public key where the private one is with an agent: it says which of the agent's to offer. */
function readPublicKey(text: string): ParsedKey | KeyFault {
  const parsed = firstOf(ssh2.utils.parseKey(text));
  return parsed instanceof Error ? { key: 'key', fault: 'it is no public key that can be read' } : parsed;
}

/** The fingerprint of the one key of the agent to use; undefined where it is any of them. */
export function wantedKey({ agentKey, privateKey, certificate }: Host): string | undefined {
  if (agentKey !== undefined) return agentKey;
  const text = privateKey?.reveal() ?? '';
  const key = isPublicKey(text) ? readPublicKey(text) : undefined;
  if (key !== undefined && !('fault' in key)) return fingerprint(key.getPublicSSH());
  const certified = certificate === undefined ? undefined : readCertificate(certificate);
  return typeof certified === 'object' ? fingerprint(certified.publicKey) : undefined;
}

/** What would keep a login from offering this certificate: `key` is a key file's text or a fingerprint. */
export function findCertificateFault(
  text: string,
  key: string | undefined,
  passphrase: string | undefined,
): string | undefined {
  const certificate = readCertificate(text);
  if (typeof certificate === 'string') return certificate;
  if (key === undefined) return undefined;
  const read = isPublicKey(key) ? readPublicKey(key) : readPrivateKey(key, passphrase);
  const own = key.startsWith('SHA256:')
    ? key
    : 'fault' in read
      ? undefined
      : fingerprint(read.getPublicSSH());
  // A key that cannot be read is at fault itself.
  return own === undefined || own === fingerprint(certificate.publicKey)
    ? undefined
    : 'it is the certificate of another key';
}

/** What would keep a login from using this file; undefined where nothing does. */
export function findKeyFault(text: string, passphrase: string | undefined): KeyFault | undefined {
  const key = isPublicKey(text) ? readPublicKey(text) : readPrivateKey(text, passphrase);
  return 'fault' in key ? key : undefined;
}

function parsePrivateKey(text: string, passphrase: string | undefined): ParsedKey | KeyFault {
  if (/^PuTTY-User-Key-File-3/.test(text)) {
    return {
      key: 'key',
      fault:
        'PuTTY files of version 3 are not read; turn it into an OpenSSH file: puttygen FILE -O private-openssh -o NEW',
    };
  }
  const isPkcs8 = /-----BEGIN (ENCRYPTED )?PRIVATE KEY-----/.test(text);
  const key = isPkcs8 ? parsePkcs8(text, passphrase) : firstOf(ssh2.utils.parseKey(text, passphrase));
  if (key instanceof Error) return describeFault(key, passphrase !== undefined);
  return key.isPrivateKey() ? key : { key: 'key', fault: 'it holds the public key; name the private one' };
}

/** ssh2 reads OpenSSH's and the older PEM files, Node the ones of `openssl genpkey` and of many a cloud. */
function parsePkcs8(text: string, passphrase: string | undefined): ParsedKey | Error {
  try {
    const key = createPrivateKey({ key: text, ...(passphrase === undefined ? {} : { passphrase }) });
    switch (key.asymmetricKeyType) {
      case 'rsa':
        return firstOf(ssh2.utils.parseKey(key.export({ type: 'pkcs1', format: 'pem' })));
      case 'ec':
        return firstOf(ssh2.utils.parseKey(key.export({ type: 'sec1', format: 'pem' })));
      case 'ed25519': {
        const { d = '', x = '' } = key.export({ format: 'jwk' });
        const pair = { seed: Buffer.from(d, 'base64url'), point: Buffer.from(x, 'base64url') };
        return firstOf(ssh2.utils.parseKey(formatOpenSsh(pair)));
      }
      default:
        return new Error(`keys of type ${key.asymmetricKeyType} are not for SSH`);
    }
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

const MAGIC = 'openssh-key-v1\0';

/** An ed25519 key as OpenSSH writes it: PROTOCOL.key of OpenSSH, without encryption. */
function formatOpenSsh({ seed, point }: { readonly seed: Buffer; readonly point: Buffer }): string {
  const word = (bytes: string | Buffer) => {
    const body = Buffer.from(bytes);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(body.length);
    return Buffer.concat([length, body]);
  };
  const publicPart = Buffer.concat([word('ssh-ed25519'), word(point)]);
  const check = Buffer.alloc(8);
  const secret = Buffer.concat([check, publicPart, word(Buffer.concat([seed, point])), word('')]);
  const padding = Buffer.from(Array.from({ length: (8 - (secret.length % 8)) % 8 }, (_, i) => i + 1));
  const file = Buffer.concat([
    Buffer.from(MAGIC),
    ...[word('none'), word('none'), word('')],
    Buffer.from([0, 0, 0, 1]),
    word(publicPart),
    word(Buffer.concat([secret, padding])),
  ]);
  const lines = file.toString('base64').match(/.{1,70}/g) ?? [];
  return ['-----BEGIN OPENSSH PRIVATE KEY-----', ...lines, '-----END OPENSSH PRIVATE KEY-----', ''].join(
    '\n',
  );
}

function firstOf(parsed: ParsedKey | readonly ParsedKey[] | Error): ParsedKey | Error {
  if (!Array.isArray(parsed)) return parsed as ParsedKey | Error;
  return parsed[0] ?? new Error('it is empty');
}

/** In words of ours: nothing of the file may be quoted. */
function describeFault(error: Error, hasPassphrase: boolean): KeyFault {
  const words = wordsOf(error);
  if (!hasPassphrase && /no passphrase|passphrase required|interrupted or cancelled/i.test(words)) {
    return { key: 'key', fault: 'it is encrypted, and the inventory has no passphrase' };
  }
  if (hasPassphrase && /integrity|passphrase|decrypt/i.test(words)) {
    return { key: 'passphrase', fault: 'it does not open the key' };
  }
  return {
    key: 'key',
    fault:
      'it is none that can be used (OpenSSH, PEM, PKCS#8 and PuTTY 2 files are); ssh-keygen -p -f FILE writes it anew',
  };
}
