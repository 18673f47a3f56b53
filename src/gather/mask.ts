import type { Span } from './bytes.ts';
import { LONGEST_MARKER, openKeyBlocks } from './key-blocks.ts';

/** What stands where a secret stood. */
export const SECRET_MARKER = '[secret]';

/** Shorter values would mask half of every output, and say more by their gaps than they hide. */
const MIN_SECRET_CHARS = 4;

/**
 * Finds secrets in text, and private keys. Every occurrence counts, overlapping ones too, so whether a byte is
 * hidden depends only on its neighbours within `longestBytes`, and on the key that it may be in the middle of: a
 * cut through the text can be judged from both sides alike.
 */
export interface Mask {
  /**
   * The text with each secret replaced by the marker. In an answer to somebody alone, what stands in `typed` by
   * them too stays as they typed it: else the marker would tell who guesses that they guessed right.
   */
  text(value: string, typed?: string): string;
  /**
   * Where secrets stand, in order, overlapping ones joined. `keys`: the private keys in the bytes, where they are
   * known from the beginning of the stream; else the bytes are taken for the beginning.
   */
  spans(bytes: Uint8Array, keys?: readonly Span[]): readonly Span[];
  /** Where the first of the secrets begins whose end may be still to come; the length of the bytes where none does. */
  unfinishedFrom(bytes: Uint8Array): number;
  /** Whether one of the secrets themselves stands there. */
  holdsSecret(bytes: Uint8Array): boolean;
  /** Of the longest secret, or of what a key begins with. */
  readonly longestBytes: number;
}

/** A mask that learns and never forgets: what was a secret once may still come out of a store or a host. */
export interface LearningMask {
  now(): Mask;
  learn(secrets: readonly string[]): void;
}

export function openMask(): LearningMask {
  const known = new Set<string>();
  let mask = createMask([]);
  return {
    now: () => mask,
    learn(secrets) {
      const before = known.size;
      for (const secret of secrets) {
        known.add(secret);
        // In JSON, as in a log line, a quote or backslash of a secret looks different.
        known.add(JSON.stringify(secret).slice(1, -1));
      }
      if (known.size > before) mask = createMask([...known]);
    },
  };
}

/**
 * Values of fewer than four characters are not masked, and of several lines each as it may stand alone.
 * Ten thousand hosts may have ten thousand passwords, so the search looks at each place once, and hardly longer
 * the more there are: a table says which values begin with the four bytes there, and those are in order.
 */
export function createMask(secrets: readonly string[]): Mask {
  const encoder = new TextEncoder();
  const byPrefix = new Map<number, Secret[]>();
  // Most places begin no secret: one look into 64 Ki bits tells, before the map is asked.
  const mayBegin = new Uint8Array(1 << 16);
  let longestBytes = LONGEST_MARKER;
  // What is shorter than a prefix and may become one.
  const beginnings = new Set<number>();

  for (const secret of new Set(secrets.flatMap(linesOf))) {
    if ([...secret].length < MIN_SECRET_CHARS) continue;
    const bytes = encoder.encode(secret);
    const prefix = prefixAt(bytes, 0);
    const same = byPrefix.get(prefix);
    if (same) same.push({ bytes, within: undefined });
    else byPrefix.set(prefix, [{ bytes, within: undefined }]);
    mayBegin[slotOf(prefix)] = 1;
    for (let length = 1; length < 4; length++) beginnings.add(beginningOf(bytes.subarray(0, length)));
    longestBytes = Math.max(longestBytes, bytes.length);
  }

  for (const [prefix, same] of byPrefix) byPrefix.set(prefix, inOrder(same));

  function* find(bytes: Uint8Array): Generator<Span> {
    if (byPrefix.size === 0) return;
    for (let at = 0; at + 4 <= bytes.length; at++) {
      const prefix = prefixAt(bytes, at);
      if (mayBegin[slotOf(prefix)] === 0) continue;
      const secret = longestAt(bytes, at, byPrefix.get(prefix) ?? []);
      if (secret !== undefined) yield { start: at, end: at + secret.length };
    }
  }

  function spans(bytes: Uint8Array, keys = keysIn(bytes)): readonly Span[] {
    const found = [...find(bytes)];
    const all = keys.length === 0 ? found : [...found, ...keys].toSorted((a, b) => a.start - b.start);
    const apart: Span[] = [];
    for (const span of all) {
      const last = apart.at(-1);
      if (last && span.start < last.end)
        apart[apart.length - 1] = { start: last.start, end: Math.max(last.end, span.end) };
      else apart.push(span);
    }
    return apart;
  }

  function unfinishedFrom(bytes: Uint8Array): number {
    const mayGoOn = (rest: Uint8Array): boolean =>
      rest.length < 4
        ? beginnings.has(beginningOf(rest))
        : isBeginning(rest, byPrefix.get(prefixAt(rest, 0)) ?? []);
    let at = Math.max(0, bytes.length - longestBytes + 1);
    while (at < bytes.length && !mayGoOn(bytes.subarray(at))) at++;
    return at;
  }

  function text(value: string, typed = ''): string {
    const bytes = encoder.encode(value);
    const hidden = spans(bytes);
    if (hidden.length === 0) return value;
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
    const own = new Set(spansIn(typed));
    let masked = '';
    let from = 0;
    for (const { start, end } of hidden) {
      if (own.has(decoder.decode(bytes.subarray(start, end)))) continue;
      masked += decoder.decode(bytes.subarray(from, start)) + SECRET_MARKER;
      from = end;
    }
    return masked + decoder.decode(bytes.subarray(from));
  }

  function spansIn(value: string): readonly string[] {
    const bytes = encoder.encode(value);
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
    return spans(bytes).map(({ start, end }) => decoder.decode(bytes.subarray(start, end)));
  }

  return {
    text,
    spans,
    unfinishedFrom,
    holdsSecret: (bytes) => find(bytes).next().done !== true,
    longestBytes,
  };
}

function keysIn(bytes: Uint8Array): readonly Span[] {
  const blocks = openKeyBlocks();
  blocks.push(bytes);
  return blocks.spansFrom(0);
}

/** A shorter line of several is a word that stands in many texts. */
const MIN_LINE_CHARS = 8;

/** A secret of several lines as what each of them says: a host may print it line by line, or a part of it. */
function linesOf(secret: string): readonly string[] {
  if (!secret.includes('\n')) return [secret];
  const lines = secret.split(/[\r\n]+/).map((line) => line.trim());
  // What says that it is a key, or how it is written, is no secret; nor is the public key that an agent is asked for.
  const isKey = lines.some((line) => /^(?:-----BEGIN |PuTTY-User-Key-File|ssh-|ecdsa-|sk-)/.test(line));
  return lines.filter(
    (line) =>
      line.length >= MIN_LINE_CHARS && !(isKey && /^(?:-----|[\w-]+: |(?:ssh|ecdsa|sk)-\S+ )/.test(line)),
  );
}

function prefixAt(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] ?? 0) |
    ((bytes[at + 1] ?? 0) << 8) |
    ((bytes[at + 2] ?? 0) << 16) |
    ((bytes[at + 3] ?? 0) << 24)
  );
}

/** Of fewer than four bytes, with their number. */
function beginningOf(bytes: Uint8Array): number {
  return prefixAt(bytes, 0) | (bytes.length << 24);
}

function slotOf(prefix: number): number {
  return Math.imul(prefix, 0x9e3779b1) >>> 16;
}

/** Of those that begin with the same four bytes. */
interface Secret {
  readonly bytes: Uint8Array;
  /** The longest other one that this one begins with. */
  readonly within: Secret | undefined;
}

function inOrder(secrets: readonly Secret[]): Secret[] {
  const sorted: Secret[] = [];
  for (const { bytes } of secrets.toSorted(
    (a, b) => compareAt(a.bytes, 0, b.bytes) || a.bytes.length - b.bytes.length,
  )) {
    let within = sorted.at(-1);
    while (within !== undefined && compareAt(bytes, 0, within.bytes) !== 0) within = within.within;
    sorted.push({ bytes, within });
  }
  return sorted;
}

/**
 * The longest of them that stands there; the shorter ones lie within it. All that the text begins with stand
 * at or before the text's own place in the order, and the last before that place begins with each of them.
 */
function longestAt(bytes: Uint8Array, at: number, secrets: readonly Secret[]): Uint8Array | undefined {
  let low = 0;
  let high = secrets.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const secret = secrets[middle];
    if (secret !== undefined && compareAt(bytes, at, secret.bytes) >= 0) low = middle + 1;
    else high = middle;
  }
  let secret = secrets[low - 1];
  while (secret !== undefined && compareAt(bytes, at, secret.bytes) !== 0) secret = secret.within;
  return secret?.bytes;
}

/** Whether one of them goes on behind these bytes: the first that is not before them in the order would. */
function isBeginning(bytes: Uint8Array, secrets: readonly Secret[]): boolean {
  let low = 0;
  let high = secrets.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const secret = secrets[middle];
    // The bytes end within the secret, or stand before it: it is not before them.
    if (secret !== undefined && compareAt(secret.bytes, 0, bytes) < 0) low = middle + 1;
    else high = middle;
  }
  // What is the same as the bytes ends with them.
  return secrets
    .slice(low, low + 2)
    .some(({ bytes: secret }) => secret.length > bytes.length && compareAt(secret, 0, bytes) === 0);
}

/** Where the text goes before the secret (below 0), behind it (above 0), or begins with it (0). */
function compareAt(bytes: Uint8Array, at: number, secret: Uint8Array): number {
  for (let i = 0; i < secret.length; i++) {
    const difference = (bytes[at + i] ?? -1) - (secret[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
