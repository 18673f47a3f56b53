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
  /** The text with each secret replaced by the marker. */
  text(value: string): string;
  /** Where secrets stand, in order, overlapping ones joined. */
  spans(bytes: Uint8Array): readonly Span[];
  /** Of the longest secret; 0 where there is none. */
  readonly longestBytes: number;
}

/**
 * Values of fewer than four characters and values of several lines (private keys) are not masked.
 * Ten thousand hosts may have ten thousand passwords, so the search looks at each place once, whatever their
 * number: a table says which values begin with the four bytes there.
 */
export function createMask(secrets: readonly string[]): Mask {
  const encoder = new TextEncoder();
  const byPrefix = new Map<number, Uint8Array[]>();
  // Most places begin no secret: one look into 64 Ki bits tells, before the map is asked.
  const mayBegin = new Uint8Array(1 << 16);
  let longestBytes = 0;

  for (const secret of new Set(secrets)) {
    if ([...secret].length < MIN_SECRET_CHARS || secret.includes('\n')) continue;
    const bytes = encoder.encode(secret);
    const prefix = prefixAt(bytes, 0);
    const same = byPrefix.get(prefix);
    if (same) same.push(bytes);
    else byPrefix.set(prefix, [bytes]);
    mayBegin[slotOf(prefix)] = 1;
    longestBytes = Math.max(longestBytes, bytes.length);
  }

  function spans(bytes: Uint8Array): Span[] {
    const found: Span[] = [];
    if (byPrefix.size === 0) return found;
    for (let at = 0; at + 4 <= bytes.length; at++) {
      const prefix = prefixAt(bytes, at);
      if (mayBegin[slotOf(prefix)] === 0) continue;
      for (const secret of byPrefix.get(prefix) ?? []) {
        if (!standsAt(bytes, at, secret)) continue;
        const last = found.at(-1);
        if (last && at < last.end) {
          found[found.length - 1] = { start: last.start, end: Math.max(last.end, at + secret.length) };
        } else {
          found.push({ start: at, end: at + secret.length });
        }
      }
    }
    return found;
  }

  function text(value: string): string {
    const bytes = encoder.encode(value);
    const hidden = spans(bytes);
    if (hidden.length === 0) return value;
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
    let masked = '';
    let from = 0;
    for (const { start, end } of hidden) {
      masked += decoder.decode(bytes.subarray(from, start)) + SECRET_MARKER;
      from = end;
    }
    return masked + decoder.decode(bytes.subarray(from));
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

function standsAt(bytes: Uint8Array, at: number, secret: Uint8Array): boolean {
  if (at + secret.length > bytes.length) return false;
  for (let i = 4; i < secret.length; i++) {
    if (bytes[at + i] !== secret[i]) return false;
  }
  return true;
}
