import type { StreamText } from '../run/outcome.ts';
import type { Span } from './bytes.ts';
import { type Mask, SECRET_MARKER } from './mask.ts';

export interface CaptureLimits {
  readonly headBytes: number;
  readonly tailBytes: number;
}

export const DEFAULT_LIMITS: CaptureLimits = { headBytes: 32 * 1024, tailBytes: 96 * 1024 };

const SAMPLE_BYTES = 8 * 1024;
/** A few stray bytes are an old host's umlauts, not a binary. */
const MIN_INVALID = 8;

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const strictDecoder = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });
const encoder = new TextEncoder();

/** NUL, or more than a tenth not UTF-8, within the first 8 KiB. */
export function isBinary(first: Uint8Array): boolean {
  const sample = first.subarray(0, SAMPLE_BYTES);
  if (sample.includes(0)) return true;
  if (isUtf8(sample)) return false;
  const invalid = decoder.decode(sample).split('\uFFFD').length - 1;
  return invalid > MIN_INVALID && invalid * 10 > sample.length;
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    strictDecoder.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/** Head and tail of a stream, cut and masked: no limit is exceeded by what comes out, measured as UTF-8. */
type Bounded = Pick<StreamText, 'head' | 'tail' | 'omittedBytes'>;

/** Of a stream that is there as a whole and no longer than both limits together. */
export function boundWhole(all: Uint8Array, mask: Mask, limits: CaptureLimits): Bounded {
  const spans = mask.spans(all);
  const head = maskedText(all, spans, 0, all.length);
  if (utf8Length(head) <= limits.headBytes + limits.tailBytes) return { head, tail: '', omittedBytes: 0 };
  // Markers and replacement characters take more room than what they stand for.
  return cut(takeHead(all, spans, limits.headBytes), takeTail(all, spans, limits.tailBytes), all.length);
}

/** What was kept of a longer stream: each end a longest secret longer than its limit. */
export interface Ends {
  readonly first: Uint8Array;
  readonly last: Uint8Array;
  /** Private keys in the last bytes; one may have begun before them. */
  readonly lastKeys: readonly Span[];
}

/** What lies across a cut is seen whole. A marker, a character and a secret are never cut in two. */
export function boundEnds(
  { first, last, lastKeys }: Ends,
  totalBytes: number,
  mask: Mask,
  limits: CaptureLimits,
): Bounded {
  const head = takeHead(first, mask.spans(first), limits.headBytes);
  const tail = takeTail(last, mask.spans(last, lastKeys), limits.tailBytes);
  return cut(head, tail, totalBytes);
}

/**
 * The last of what has come so far of a stream that goes on. What may be the beginning of a secret waits for its
 * end, and so does half a character. `keys`: private keys in these bytes; one may have begun before them.
 */
export function boundLatest(
  bytes: Uint8Array,
  keys: readonly Span[] | undefined,
  mask: Mask,
  maxBytes: number,
): string {
  const spans = mask.spans(bytes, keys);
  const end = Math.min(mask.unfinishedFrom(bytes), wholeChars(bytes));
  // What is a secret already is shown as one.
  const hiding = spans.find((span) => span.start < end && span.end > end);
  return takeTail(bytes.subarray(0, hiding?.end ?? end), spans, maxBytes).text;
}

/** Where the last character begins that is not all there. */
function wholeChars(bytes: Uint8Array): number {
  for (let back = 1; back < 4; back++) {
    const at = bytes.length - back;
    if (!isContinuation(bytes[at])) return charLength(bytes[at]) > back ? at : bytes.length;
  }
  return bytes.length;
}

function cut(head: Taken, tail: Taken, totalBytes: number): Bounded {
  return { head: head.text, tail: tail.text, omittedBytes: totalBytes - head.bytes - tail.bytes };
}

interface Taken {
  readonly text: string;
  /** Of the stream, not of the text. */
  readonly bytes: number;
}

function takeHead(bytes: Uint8Array, spans: readonly Span[], maxBytes: number): Taken {
  let end = Math.min(bytes.length, maxBytes);
  for (;;) {
    const cutting = spans.find((span) => span.start < end && span.end > end);
    if (cutting) end = cutting.start;
    end = charStart(bytes, end);
    const text = maskedText(bytes, spans, 0, end);
    const excess = utf8Length(text) - maxBytes;
    if (excess <= 0) return { text, bytes: end };
    // A byte comes out as at most four of a marker's, so this never leaves out more than it must by much.
    end -= Math.ceil(excess / 4);
  }
}

function takeTail(bytes: Uint8Array, spans: readonly Span[], maxBytes: number): Taken {
  let start = Math.max(0, bytes.length - maxBytes);
  for (;;) {
    const cutting = spans.find((span) => span.start < start && span.end > start);
    if (cutting) start = cutting.end;
    start = charEnd(bytes, start);
    const text = maskedText(bytes, spans, start, bytes.length);
    const excess = utf8Length(text) - maxBytes;
    if (excess <= 0) return { text, bytes: bytes.length - start };
    start += Math.ceil(excess / 4);
  }
}

/** `start` and `end` lie in no span. */
function maskedText(bytes: Uint8Array, spans: readonly Span[], start: number, end: number): string {
  let text = '';
  let from = start;
  for (const span of spans) {
    if (span.start < start || span.end > end) continue;
    text += decoder.decode(bytes.subarray(from, span.start)) + SECRET_MARKER;
    from = span.end;
  }
  return text + decoder.decode(bytes.subarray(from, end));
}

/** The place itself, or the start of the character that it lies in. */
function charStart(bytes: Uint8Array, at: number): number {
  if (!isContinuation(bytes[at])) return at;
  for (let start = at - 1; start >= 0 && start > at - 4; start--) {
    if (isContinuation(bytes[start])) continue;
    // A stray byte belongs to no character, and what stands before it may be the end of a secret.
    return start + charLength(bytes[start]) > at ? start : at;
  }
  return at;
}

function charLength(lead: number | undefined): number {
  if (lead === undefined || lead < 0xc0) return 1;
  if (lead < 0xe0) return 2;
  return lead < 0xf0 ? 3 : 4;
}

/** The place itself, or the end of the character that it lies in. */
function charEnd(bytes: Uint8Array, at: number): number {
  if (at === 0) return at;
  let end = at;
  while (end < bytes.length && end < at + 3 && isContinuation(bytes[end])) end++;
  return end;
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}

function utf8Length(text: string): number {
  return encoder.encode(text).length;
}
