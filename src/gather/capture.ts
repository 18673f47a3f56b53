import { type LiveText, SILENT } from '../run/live-output.ts';
import { NO_OUTPUT, type StreamText } from '../run/outcome.ts';
import {
  boundEnds,
  boundLatest,
  boundWhole,
  type CaptureLimits,
  DEFAULT_LIMITS,
  type Ends,
  isBinary,
} from './bound.ts';
import { ByteRing, GrowingBytes, joined } from './bytes.ts';
import { openKeyBlocks } from './key-blocks.ts';
import type { Mask } from './mask.ts';
import { openSpool, type Spool, type SpoolSink } from './spool.ts';

/** A running checksum, such as node:crypto's SHA-256. */
export interface Digest {
  update(bytes: Uint8Array): void;
  hex(): string;
}

/** Takes a stream of any length and keeps its beginning and its end. */
export interface Capture {
  /** Never throws: it runs inside the SSH library's parser, which would take it for a broken connection. */
  write(chunk: Uint8Array): void;
  /** The last of what it has said so far, up to `maxBytes`. Costs nothing while nobody asks. */
  peek(maxBytes: number): LiveText;
  /** What the stream said. Asked once, when nothing more will come. */
  end(): StreamText;
  /** After `end`: how many of the stream's bytes went to the spool; 0 where it was not asked for one. */
  readonly spooledBytes: number;
}

/**
 * The bytes are only copied and counted as they come; decoding, masking and cutting happen once, at the end,
 * so that how the stream was chopped up cannot matter. A margin of the longest secret is kept beyond each
 * cut: a secret lying across it is seen whole. Where private keys stand is told as they come. What is more than that goes to the spool, from
 * the first byte on, as it comes; of a binary nothing does.
 */
export function openCapture(
  mask: Mask,
  openDigest: () => Digest,
  limits: CaptureLimits = DEFAULT_LIMITS,
  openSink?: () => SpoolSink,
): Capture {
  const cap = limits.headBytes + limits.tailBytes;
  const margin = Math.max(mask.longestBytes, 4);
  // The first bytes, with their margin; and of all behind `lastFrom`, the last, with theirs.
  const lastFrom = Math.max(0, limits.headBytes - margin);
  const first = new GrowingBytes(limits.headBytes + margin);
  const last = new ByteRing(limits.tailBytes + margin);
  const keys = openKeyBlocks(limits.tailBytes + margin);
  let totalBytes = 0;
  let digest: Digest | undefined;
  let spool: Spool | undefined;
  let spooledBytes = 0;

  /** Told by bytes that are all here before a spool is asked for: what began as text does not turn binary later. */
  const isBinaryStream = (): boolean => isBinary(first.bytes().subarray(0, cap));
  /** Only while both parts together still hold all of it. */
  const whole = (): Uint8Array => joined(first.bytes().subarray(0, lastFrom), last.bytes());
  const endsOf = (): Ends => {
    const lastBytes = last.bytes();
    return { first: first.bytes(), last: lastBytes, lastKeys: keys.spansFrom(totalBytes - lastBytes.length) };
  };
  const startSpool = (soFar: Uint8Array): void => {
    if (openSink === undefined || isBinaryStream()) return;
    spool = openSpool(mask, openSink());
    spool.write(soFar);
  };

  return {
    get spooledBytes() {
      return spooledBytes;
    },

    write(chunk) {
      if (chunk.length === 0) return;
      digest ??= openDigest();
      digest.update(chunk);
      const outgrown = openSink && totalBytes <= cap && totalBytes + chunk.length > cap ? whole() : undefined;
      first.push(chunk);
      keys.push(chunk);
      if (outgrown) startSpool(outgrown);
      spool?.write(chunk);
      last.push(totalBytes < lastFrom ? chunk.subarray(lastFrom - totalBytes) : chunk);
      totalBytes += chunk.length;
    },

    peek(maxBytes) {
      if (totalBytes === 0) return SILENT;
      if (isBinaryStream()) return { text: '', totalBytes, isCut: true, binary: true };
      const kept = totalBytes <= cap ? whole() : last.bytes();
      const latest = kept.subarray(Math.max(0, kept.length - maxBytes - margin));
      const skipped = kept.length - latest.length;
      const latestKeys = keys
        .spansFrom(totalBytes - kept.length)
        .filter((span) => span.end > skipped)
        .map(({ start, end }) => ({ start: Math.max(0, start - skipped), end: end - skipped }));
      const text = boundLatest(latest, latestKeys, mask, maxBytes);
      return { text, totalBytes, isCut: totalBytes > maxBytes, binary: false };
    },

    end() {
      if (digest === undefined) return NO_OUTPUT;
      const sha256 = digest.hex();
      if (isBinaryStream()) {
        return { head: '', tail: '', totalBytes, omittedBytes: totalBytes, binary: true, sha256 };
      }
      const fits = totalBytes <= cap;
      const bounded = fits
        ? boundWhole(whole(), mask, limits)
        : boundEnds(endsOf(), totalBytes, mask, limits);
      // What fits as it came may not once each secret is a marker.
      if (fits && bounded.omittedBytes > 0) startSpool(whole());
      spooledBytes = spool?.end() ?? 0;
      return { ...bounded, totalBytes, binary: false, sha256 };
    },
  };
}
