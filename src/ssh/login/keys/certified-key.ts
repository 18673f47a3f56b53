import type { Client, ParsedKey } from 'ssh2';
import { type Certificate, formatString } from './certificate.ts';

/**
 * ssh2 knows no certificates. It offers a key by `type` and `getPublicSSH()`, and so this one offers the certificate; what
 * it then writes around the signature is the name of the certificate's type, where the plain key's has to stand
 * (RFC 8332, 3; OpenSSH's PROTOCOL.certkeys), and `beforeSending` sees to that.
 */
export interface CertifiedKey extends ParsedKey {
  /** What the certificate is of. */
  readonly plain: ParsedKey;
  readonly certificate: Certificate;
}

/** Of RSA the better signature, which every server takes that knows these names at all (OpenSSH 7.8). */
const RSA = 'rsa-sha2-512';

function signatureType({ keyType }: Certificate): string {
  return keyType === 'ssh-rsa' ? RSA : keyType;
}

/** As it stands in the request; `ssh-rsa-cert-v01@openssh.com` would be a signature with SHA-1. */
function offeredType(certificate: Certificate): string {
  return `${signatureType(certificate)}-cert-v01@openssh.com`;
}

export function hashOf({ keyType }: Certificate): 'sha512' | undefined {
  return keyType === 'ssh-rsa' ? 'sha512' : undefined;
}

/** `sign` of what has no private part is never called: the agent has it. */
export function certify(
  plain: ParsedKey,
  certificate: Certificate,
  beforeSending: () => Error | undefined,
): CertifiedKey {
  return Object.create(plain, {
    plain: { value: plain },
    certificate: { value: certificate },
    type: { value: offeredType(certificate) },
    getPublicSSH: { value: () => certificate.blob },
    sign: {
      value(data: Buffer): Buffer | Error {
        const hash = hashOf(certificate);
        const signature = hash === undefined ? plain.sign(data) : plain.sign(data, hash);
        if (signature instanceof Error) return signature;
        return beforeSending() ?? (certificate.keyType.startsWith('ecdsa-') ? fromDer(signature) : signature);
      },
    },
  });
}

export function isCertified(key: unknown): key is CertifiedKey {
  return typeof key === 'object' && key !== null && 'certificate' in key && 'plain' in key;
}

/** SEQUENCE of two INTEGER, which are what SSH calls mpint (RFC 5656, 3.1.2). */
function fromDer(signature: Buffer): Buffer {
  let at = (signature[1] ?? 0) > 0x80 ? 3 : 2;
  const next = (): Buffer => {
    const length = signature[at + 1] ?? 0;
    const number = signature.subarray(at + 2, at + 2 + length);
    at += 2 + length;
    return formatString(number);
  };
  return Buffer.concat([next(), next()]);
}

interface Writer {
  readonly allocStart: number;
  alloc(bytes: number): Buffer;
  finalize(packet: Buffer): Buffer;
}

/**
 * To be called right before the library is given a signature: the one request that it writes then gets the name of the
 * plain key's signature in place of the certificate's. An error where this library writes its packets otherwise.
 * ssh2 1.17, lib/protocol/Protocol.js: `authPK` allocates, fills and finalizes it in one go.
 */
export function nameSignature(client: Client, certificate: Certificate): Error | undefined {
  const writer = findWriter(client);
  if (writer === undefined) return new Error('this ssh2 writes its packets elsewhere');
  const { alloc, finalize } = writer;
  let bytes = 0;
  writer.alloc = (length) => {
    bytes = length;
    return Reflect.apply(alloc, writer, [length]);
  };
  writer.finalize = (packet) => {
    writer.alloc = alloc;
    writer.finalize = finalize;
    const request = rename(packet.subarray(writer.allocStart, writer.allocStart + bytes), certificate);
    const renamed = writer.alloc(request.length);
    renamed.set(request, writer.allocStart);
    return writer.finalize(renamed);
  };
  return undefined;
}

/** The last field of the request holds the name and the signature. */
function rename(request: Buffer, certificate: Certificate): Buffer {
  const offered = formatString(Buffer.from(offeredType(certificate)));
  const start = request.lastIndexOf(offered);
  const signature = request.subarray(start + offered.length);
  const field = Buffer.concat([formatString(Buffer.from(signatureType(certificate))), signature]);
  return Buffer.concat([request.subarray(0, start - 4), formatString(field)]);
}

function findWriter(client: Client): Writer | undefined {
  let at: unknown = client;
  for (const name of ['_protocol', '_packetRW', 'write']) {
    at = typeof at === 'object' && at !== null ? Reflect.get(at, name) : undefined;
  }
  return isWriter(at) ? at : undefined;
}

function isWriter(value: unknown): value is Writer {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof Reflect.get(value, 'allocStart') === 'number' &&
    typeof Reflect.get(value, 'alloc') === 'function' &&
    typeof Reflect.get(value, 'finalize') === 'function'
  );
}
