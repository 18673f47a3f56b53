/** What stands where a secret stood. */
export const SECRET_MARKER = '[secret]';

/** Shorter values would mask half of every output, and say more by their gaps than they hide. */
const MIN_SECRET_CHARS = 4;

/** From the first byte of a secret to behind its last. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * Finds secrets in text. Every occurrence counts, overlapping ones too, so whether a byte is hidden depends
 * only on its neighbours within `longestBytes`: a cut through the text can be judged from both sides alike.
 */
export interface Mask {
  /**
   * The text with each secret replaced by the marker. In an answer to somebody alone, what stands in `typed` by
   * them too stays as they typed it: else the marker would tell who guesses that they guessed right.
   */
  text(value: string, typed?: string): string;
  /** Where secrets stand, in order, overlapping ones joined. */
  spans(bytes: Uint8Array): readonly Span[];
  /** Of the longest secret; 0 where there is none. */
  readonly longestBytes: number;
}

/**
 * Values of fewer than four characters and values of several lines (private keys) are not masked.
 * Ten thousand hosts may have ten thousand passwords, so the search looks at each place once, and hardly longer
 * the more there are: a table says which values begin with the four bytes there, and those are in order.
 */
export function createMask(secrets: readonly string[]): Mask {
  const encoder = new TextEncoder();
  const byPrefix = new Map<number, Secret[]>();
  // Most places begin no secret: one look into 64 Ki bits tells, before the map is asked.
  const mayBegin = new Uint8Array(1 << 16);
  let longestBytes = 0;

  for (const secret of new Set(secrets)) {
    if ([...secret].length < MIN_SECRET_CHARS || secret.includes('\n')) continue;
    const bytes = encoder.encode(secret);
    const prefix = prefixAt(bytes, 0);
    const same = byPrefix.get(prefix);
    if (same) same.push({ bytes, within: undefined });
    else byPrefix.set(prefix, [{ bytes, within: undefined }]);
    mayBegin[slotOf(prefix)] = 1;
    longestBytes = Math.max(longestBytes, bytes.length);
  }

  for (const [prefix, same] of byPrefix) byPrefix.set(prefix, inOrder(same));

  function spans(bytes: Uint8Array): Span[] {
    const found: Span[] = [];
    if (byPrefix.size === 0) return found;
    for (let at = 0; at + 4 <= bytes.length; at++) {
      const prefix = prefixAt(bytes, at);
      if (mayBegin[slotOf(prefix)] === 0) continue;
      const secret = longestAt(bytes, at, byPrefix.get(prefix) ?? []);
      if (secret === undefined) continue;
      const end = at + secret.length;
      const last = found.at(-1);
      if (last && at < last.end)
        found[found.length - 1] = { start: last.start, end: Math.max(last.end, end) };
      else found.push({ start: at, end });
    }
    return found;
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

  return { text, spans, longestBytes };
}

function prefixAt(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] ?? 0) |
    ((bytes[at + 1] ?? 0) << 8) |
    ((bytes[at + 2] ?? 0) << 16) |
    ((bytes[at + 3] ?? 0) << 24)
  );
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

/** Where the text goes before the secret (below 0), behind it (above 0), or begins with it (0). */
function compareAt(bytes: Uint8Array, at: number, secret: Uint8Array): number {
  for (let i = 0; i < secret.length; i++) {
    const difference = (bytes[at + i] ?? -1) - (secret[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
