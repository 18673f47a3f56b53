/** What a CA says of a user's key: OpenSSH's PROTOCOL.certkeys. */
export interface Certificate {
  /** As it is offered, whole. */
  readonly blob: Buffer;
  /** The key that it is of, as its `.pub` file has it, and that key's type. */
  readonly publicKey: Buffer;
  readonly keyType: CertifiedType;
  /** Who may be logged in as; of all accounts where there are none. */
  readonly principals: readonly string[];
  /** Epoch ms, perhaps infinite. */
  readonly validFrom: number;
  readonly validUntil: number;
}

const SUFFIX = '-cert-v01@openssh.com';
/** By type, the fields of the key in front of what all have. */
const KEY_FIELDS = {
  'ssh-ed25519': 1,
  'ssh-rsa': 2,
  'ecdsa-sha2-nistp256': 2,
  'ecdsa-sha2-nistp384': 2,
  'ecdsa-sha2-nistp521': 2,
} as const;
export type CertifiedType = keyof typeof KEY_FIELDS;

const USER = 1;
const FOREVER = 0xffff_ffff_ffff_ffffn;
/** A CA's key of RSA and a few principals; OpenSSH reads no larger ones of these either. */
const MOST_CHARS = 32 * 1024;
const MOST_PRINCIPALS = 256;

/** The text of a `-cert.pub` file → what it says, or in a sentence's end why it is none that can be used. */
export function readCertificate(text: string): Certificate | string {
  if (text.length > MOST_CHARS) return 'it is larger than certificates are';
  const [name = '', base64 = ''] = text.trim().split(' ', 2);
  if (/PRIVATE KEY/.test(text)) return 'that file holds a private key; name the certificate, FILE-cert.pub';
  if (!name.endsWith(SUFFIX)) return 'that file holds no certificate of OpenSSH (FILE-cert.pub)';
  const keyType = findType(name.slice(0, -SUFFIX.length));
  if (keyType === undefined) return 'it is of a type of key that is not used here';
  try {
    return readBlob(Buffer.from(base64, 'base64'), name, keyType);
  } catch (error) {
    if (error instanceof Broken) return error.message;
    throw error;
  }
}

/** Said by the file itself: nobody is asked. Empty where it speaks for this user now. */
export function describeLimits(
  { principals, validFrom, validUntil }: Certificate,
  user: string,
  now: number,
): string {
  if (now >= validUntil) return `; by its own dates it ended at ${formatTime(validUntil)}`;
  if (now < validFrom) return `; by its own dates it begins at ${formatTime(validFrom)}`;
  if (principals.length > 0 && !principals.includes(user)) {
    return `; it is for ${principals.slice(0, 5).map(showPrincipal).join(', ')}, and ${user} is none of them`;
  }
  return '';
}

class Broken extends Error {}

function findType(name: string): CertifiedType | undefined {
  return Object.keys(KEY_FIELDS).find((type): type is CertifiedType => type === name);
}

function readBlob(blob: Buffer, name: string, keyType: CertifiedType): Certificate | string {
  const fields = new Fields(blob);
  if (fields.string().toString('latin1') !== name)
    throw new Broken('it is broken: it has another type within');
  fields.string();
  const key = Array.from({ length: KEY_FIELDS[keyType] }, () => fields.string());
  fields.number64();
  const kind = fields.number32();
  fields.string();
  const names = new Fields(fields.string());
  const principals: string[] = [];
  while (!names.isOver && principals.length < MOST_PRINCIPALS)
    principals.push(names.string().toString('utf8'));
  const from = fields.number64();
  const until = fields.number64();
  fields.string();
  fields.string();
  fields.string();
  fields.string();
  fields.string();
  if (!fields.isOver) throw new Broken('it is broken: something stands behind its signature');
  if (kind !== USER) return 'it is the certificate of a host; one for users is needed';
  return {
    blob,
    publicKey: Buffer.concat([Buffer.from(keyType), ...key].map(formatString)),
    keyType,
    principals,
    validFrom: Number(from) * 1_000,
    validUntil: until === FOREVER ? Number.POSITIVE_INFINITY : Number(until) * 1_000,
  };
}

/** Length first, as everything in SSH. */
export function formatString(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

class Fields {
  #rest: Buffer;

  constructor(bytes: Buffer) {
    this.#rest = bytes;
  }

  get isOver(): boolean {
    return this.#rest.length === 0;
  }

  string(): Buffer {
    return this.#take(this.number32());
  }

  number32(): number {
    return this.#take(4).readUInt32BE();
  }

  number64(): bigint {
    return this.#take(8).readBigUInt64BE();
  }

  #take(bytes: number): Buffer {
    if (this.#rest.length < bytes) throw new Broken('it is broken: it ends too early');
    const taken = this.#rest.subarray(0, bytes);
    this.#rest = this.#rest.subarray(bytes);
    return taken;
  }
}

/** Beyond what JavaScript has dates for it is a long time anyway. */
function formatTime(ms: number): string {
  const date = new Date(Math.min(ms, 8_640_000_000_000_000));
  return date.toISOString().replace('.000', '');
}

/** Somebody else's words, and no secret. */
function showPrincipal(name: string): string {
  return /^[\w.@-]{1,64}$/.test(name) ? name : '(an odd name)';
}
