import { createHash, hash } from 'node:crypto';
import { matchesGlob } from '../../inventory/host-set.ts';
import { atOnce, type Sliced } from '../../time/slices.ts';

/**
 * What a known_hosts file says, as sshd(8) has it ("SSH_KNOWN_HOSTS FILE FORMAT"):
 *
 *     web01,10.0.0.1 ssh-ed25519 AAAA…
 *     [10.0.0.1]:2222 ssh-ed25519 AAAA…
 *     |1|salt|hash ssh-ed25519 AAAA…
 *     *.example.com,!db.example.com ssh-rsa AAAA…
 *     @revoked * ssh-ed25519 AAAA…
 */
export interface KnownHosts {
  /** What is known of a place, as `knownName` writes it. Long work where nobody has looked for it before and names are hashed. */
  find(name: string): Known;
  /** That work: every hashed name has a salt of its own, so each is tried. */
  look(name: string): Sliced<void>;
}

export interface Known {
  readonly keys: readonly KnownKey[];
  readonly revoked: readonly KnownKey[];
  /** Of the keys, those of a line for a pattern, which is for other hosts as well. */
  readonly shared: readonly { readonly key: KnownKey; readonly line: number }[];
  /** Numbers of lines in which it stands hashed. */
  readonly hashedAt: readonly number[];
}

export interface KnownKey {
  readonly type: string;
  /** As it goes over the wire. */
  readonly blob: Buffer;
}

export class CorruptKnownHosts extends Error {
  override readonly name = 'CorruptKnownHosts';
}

/** A line that is neither empty nor a comment. */
export interface KnownLine {
  readonly marker: string | undefined;
  readonly names: readonly string[];
  /** Undefined where it cannot be read. */
  readonly key: KnownKey | undefined;
}

export function readKnownHost(raw: string): KnownLine | undefined {
  const line = raw.trim();
  if (line === '' || line.startsWith('#')) return undefined;
  const words = line.split(/[ \t]+/);
  const marker = line.startsWith('@') ? words.shift() : undefined;
  const [names = '', type, base64] = words;
  return { marker, names: names.split(','), key: parseKey(type, base64) };
}

interface Entry {
  readonly matches: (name: string) => boolean;
  readonly isRevoked: boolean;
  readonly isShared: boolean;
  readonly line: number;
  readonly key: KnownKey;
}

/** Lines that are read, or hashed names that are tried, before somebody else may have a turn: well below a millisecond. */
const AT_ONCE = 50;

/** Throws `CorruptKnownHosts` at a line it cannot read: passing over it would make a known host a new one. */
export function parseKnownHosts(text: string, file: string): KnownHosts {
  return atOnce(readKnownHosts(text, file));
}

/** The same bit by bit. */
export function* readKnownHosts(text: string, file: string): Sliced<KnownHosts> {
  // Plain names are by far the most: found at once, whatever the size of the fleet.
  const byName = new Map<string, KnownKey[]>();
  const patterns: Entry[] = [];
  const hashed: Entry[] = [];
  for (const [i, raw] of text.split('\n').entries()) {
    if (i % AT_ONCE === AT_ONCE - 1) yield;
    const read = readKnownHost(raw);
    // Certificates are nothing the SSH library speaks: such a line makes no host known.
    if (read === undefined || read.marker === '@cert-authority') continue;
    const { marker, names, key } = read;
    if (!key || (marker !== undefined && marker !== '@revoked')) {
      throw new CorruptKnownHosts(`${file}:${i + 1}: this is not a known_hosts line`);
    }
    const isHashed = names.some((name) => name.startsWith('|'));
    if (marker === undefined && !isHashed && names.every(isOneName)) {
      for (const name of names) {
        const known = byName.get(name.toLowerCase());
        if (known) known.push(key);
        else byName.set(name.toLowerCase(), [key]);
      }
    } else {
      const isRevoked = marker === '@revoked';
      const isShared = !names.every(isOneName);
      const entry = { matches: parsePatterns(names), isRevoked, isShared, line: i + 1, key };
      (isHashed ? hashed : patterns).push(entry);
    }
  }
  return new ReadHosts(byName, patterns, hashed);
}

class ReadHosts implements KnownHosts {
  readonly #byName: ReadonlyMap<string, readonly KnownKey[]>;
  readonly #patterns: readonly Entry[];
  readonly #hashed: readonly Entry[];
  /** By place: the hashed lines that it was found in. */
  readonly #found = new Map<string, readonly Entry[]>();

  constructor(
    byName: ReadonlyMap<string, readonly KnownKey[]>,
    patterns: readonly Entry[],
    hashed: readonly Entry[],
  ) {
    this.#byName = byName;
    this.#patterns = patterns;
    this.#hashed = hashed;
  }

  find(name: string): Known {
    const lower = name.toLowerCase();
    atOnce(this.look(lower));
    const hashed = this.#found.get(lower) ?? [];
    const matching = [...this.#patterns.filter((entry) => entry.matches(lower)), ...hashed];
    const inOrder = matching.toSorted((one, other) => one.line - other.line);
    const good = inOrder.filter((entry) => !entry.isRevoked);
    return {
      keys: [...(this.#byName.get(lower) ?? []), ...good.map((entry) => entry.key)],
      revoked: inOrder.filter((entry) => entry.isRevoked).map((entry) => entry.key),
      shared: good.filter((entry) => entry.isShared),
      hashedAt: hashed.map(({ line }) => line),
    };
  }

  *look(name: string): Sliced<void> {
    const lower = name.toLowerCase();
    if (this.#hashed.length === 0 || this.#found.has(lower)) return;
    const found: Entry[] = [];
    for (const [i, entry] of this.#hashed.entries()) {
      if (i % AT_ONCE === AT_ONCE - 1) yield;
      if (entry.matches(lower)) found.push(entry);
    }
    this.#found.set(lower, found);
  }
}

/** Whether it stands for one host, in clear or hashed; a pattern may stand for any. */
export function isOneName(name: string): boolean {
  return name !== '' && !/[!*?]/.test(name);
}

/** Whether such a hashed name is this place's. */
export function isHashOf(name: string, place: string): boolean {
  return hashedName(name)(place);
}

/** The place as a known_hosts file names it: the port is written where it is not 22. */
export function knownName(ip: string, port: number): string {
  return (port === 22 ? ip : `[${ip}]:${port}`).toLowerCase();
}

export function formatKnownHost(name: string, key: KnownKey): string {
  return `${name} ${key.type} ${key.blob.toString('base64')}\n`;
}

/** `SHA256:…`, as ssh-keygen -l prints it. */
export function fingerprint(blob: Buffer): string {
  return `SHA256:${createHash('sha256')
    .update(blob)
    .digest('base64')
    .replace(/(?<!=)=+$/, '')}`;
}

/** A key's own name for its type, which stands in front of it. */
export function keyType(blob: Buffer): string | undefined {
  if (blob.length < 4) return undefined;
  const length = blob.readUInt32BE(0);
  if (length === 0 || length > 64 || blob.length < 4 + length) return undefined;
  return blob.toString('latin1', 4, 4 + length);
}

function parseKey(type: string | undefined, base64: string | undefined): KnownKey | undefined {
  if (type === undefined || base64 === undefined || !/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) return undefined;
  const blob = Buffer.from(base64, 'base64');
  return keyType(blob) === type ? { type, blob } : undefined;
}

function parsePatterns(patterns: readonly string[]): (name: string) => boolean {
  const tests = patterns.map((pattern) => {
    const isNegated = pattern.startsWith('!');
    const text = isNegated ? pattern.slice(1) : pattern;
    return { isNegated, matches: text.startsWith('|') ? hashedName(text) : wildcard(text) };
  });
  // A negated pattern that matches rules the whole line out, wherever it stands.
  return (name) =>
    tests.some((test) => !test.isNegated && test.matches(name)) &&
    !tests.some((test) => test.isNegated && test.matches(name));
}

function hashedName(text: string): (name: string) => boolean {
  const [, version, salt = '', wanted = ''] = text.split('|');
  if (version !== '1') return () => false;
  const sign = hmacSha1(Buffer.from(salt, 'base64'));
  return (name) => sign(name) === wanted;
}

const BLOCK_BYTES = 64;

/** RFC 2104. A fifth of what `createHmac` takes, which a file of ten thousand lines asks for ten thousand times a host. */
function hmacSha1(key: Buffer): (text: string) => string {
  const padded = Buffer.alloc(BLOCK_BYTES);
  (key.length > BLOCK_BYTES ? hash('sha1', key, 'buffer') : key).copy(padded);
  const inner = padded.map((byte) => byte ^ 0x36);
  const outer = padded.map((byte) => byte ^ 0x5c);
  return (text) =>
    hash(
      'sha1',
      Buffer.concat([outer, hash('sha1', Buffer.concat([inner, Buffer.from(text)]), 'buffer')]),
      'base64',
    );
}

function wildcard(pattern: string): (name: string) => boolean {
  const wanted = pattern.toLowerCase();
  return (name) => matchesGlob(wanted, name);
}
