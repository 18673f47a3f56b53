import { NO_OUTPUT, type StreamText } from '../run/outcome.ts';
import { boundEnds, boundWhole, isBinary } from './bound.ts';
import { ByteRing, GrowingBytes, joined } from './bytes.ts';
import type { Mask } from './mask.ts';

/** A running checksum, such as node:crypto's SHA-256. */
export interface Digest {
  update(bytes: Uint8Array): void;
  hex(): string;
}

export interface CaptureLimits {
  readonly headBytes: number;
  readonly tailBytes: number;
}

export const DEFAULT_LIMITS: CaptureLimits = { headBytes: 32 * 1024, tailBytes: 96 * 1024 };

/** Takes a stream of any length and keeps its beginning and its end. */
export interface Capture {
  /** Never throws: it runs inside the SSH library's parser, which would take it for a broken connection. */
  write(chunk: Uint8Array): void;
  /** What the stream said. Asked once, when nothing more will come. */
  end(): StreamText;
}

/**
 * The bytes are only copied and counted as they come; decoding, masking and cutting happen once, at the end,
 * so that how the stream was chopped up cannot matter. A margin of the longest secret is kept beyond each
 * cut: a secret lying across it is seen whole.
 */
export function openCapture(
  mask: Mask,
  openDigest: () => Digest,
  limits: CaptureLimits = DEFAULT_LIMITS,
): Capture {
  const margin = Math.max(mask.longestBytes, 4);
  // The first bytes, with their margin; and of all behind `lastFrom`, the last, with theirs.
  const lastFrom = Math.max(0, limits.headBytes - margin);
  const first = new GrowingBytes(limits.headBytes + margin);
  const last = new ByteRing(limits.tailBytes + margin);
  let totalBytes = 0;
  let digest: Digest | undefined;

  return {
    write(chunk) {
      if (chunk.length === 0) return;
      digest ??= openDigest();
      digest.update(chunk);
      first.push(chunk);
      last.push(totalBytes < lastFrom ? chunk.subarray(lastFrom - totalBytes) : chunk);
      totalBytes += chunk.length;
    },

    end() {
      if (digest === undefined) return NO_OUTPUT;
      const sha256 = digest.hex();
      if (isBinary(first.bytes())) {
        return { head: '', tail: '', totalBytes, omittedBytes: totalBytes, binary: true, sha256 };
      }
      const fits = totalBytes <= limits.headBytes + limits.tailBytes;
      const bounded = fits
        ? boundWhole(joined(first.bytes().subarray(0, lastFrom), last.bytes()), mask, limits)
        : boundEnds(first.bytes(), last.bytes(), totalBytes, mask, limits);
      return { ...bounded, totalBytes, binary: false, sha256 };
    },
  };
}
