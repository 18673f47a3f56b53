import { joined } from './bytes.ts';
import { openKeyBlocks } from './key-blocks.ts';
import { type Mask, SECRET_MARKER } from './mask.ts';

/** Of one stream's file. What comes after is only counted. */
export const MAX_SPOOL_BYTES = 10 * 1024 * 1024;

/** Takes a stream's masked beginning, piece by piece. Never throws; each piece is the sink's to keep. */
export interface SpoolSink {
  write(bytes: Uint8Array): void;
}

/** Writes a stream's first bytes, masked, into a sink. */
export interface Spool {
  write(chunk: Uint8Array): void;
  /** Nothing more comes. Tells how many bytes of the stream, as it came, the sink got. */
  end(): number;
}

/** A marker is written whole or not at all: how the stream was chopped up cannot matter. */
export function openSpool(mask: Mask, sink: SpoolSink, maxBytes = MAX_SPOOL_BYTES): Spool {
  const masker = openMasker(mask);
  let written = 0;
  let covered = 0;
  let isFull = false;

  function take(pieces: readonly MaskedPiece[]): void {
    for (const { bytes, streamBytes, isMarker } of pieces) {
      if (isFull) return;
      const room = maxBytes - written;
      if (bytes.length <= room) {
        if (bytes.length > 0) sink.write(bytes);
        written += bytes.length;
        covered += streamBytes;
        continue;
      }
      isFull = true;
      if (isMarker || room === 0) return;
      sink.write(bytes.subarray(0, room));
      written += room;
      covered += room;
    }
  }

  return {
    write(chunk) {
      if (!isFull) take(masker.push(chunk));
    },
    end() {
      if (!isFull) take(masker.end());
      return covered;
    },
  };
}

export interface MaskedPiece {
  /** A copy; empty where the stream's bytes belong to a marker that was written before. */
  readonly bytes: Uint8Array;
  /** How many bytes of the stream it stands for. */
  readonly streamBytes: number;
  readonly isMarker: boolean;
}

export interface Masker {
  push(chunk: Uint8Array): readonly MaskedPiece[];
  end(): readonly MaskedPiece[];
}

const MARKER = new TextEncoder().encode(SECRET_MARKER);

/**
 * Masks a stream of any length as the mask would mask all of it at once. Of what came, the last bytes are held
 * back: a secret may begin in them whose end is still to come. A key is hidden as it comes, however long it is.
 */
export function openMasker(mask: Mask): Masker {
  const heldBytes = Math.max(0, mask.longestBytes - 1);
  const keys = openKeyBlocks();
  let held: Uint8Array = new Uint8Array(0);
  /** Of the stream, before those held. */
  let doneBytes = 0;
  /** So many of the held bytes belong to a secret that has its marker already. */
  let hiddenBytes = 0;

  function take(all: Uint8Array, end: number): MaskedPiece[] {
    const pieces: MaskedPiece[] = [];
    let at = 0;
    let hiddenTo = hiddenBytes;
    const plainTo = (to: number): void => {
      if (to > at) pieces.push({ bytes: all.slice(at, to), streamBytes: to - at, isMarker: false });
      at = Math.max(at, to);
    };
    const hide = (to: number, marker: Uint8Array): void => {
      const stop = Math.max(at, Math.min(to, end));
      pieces.push({ bytes: marker, streamBytes: stop - at, isMarker: true });
      at = stop;
    };
    const spans = mask.spans(all, keys.spansFrom(doneBytes));
    for (const span of spans) {
      // One that overlaps what is hidden already goes on with it.
      if (span.start < hiddenTo) {
        hiddenTo = Math.max(hiddenTo, span.end);
        continue;
      }
      if (at < Math.min(hiddenTo, end)) hide(hiddenTo, NOTHING);
      if (span.start >= end) break;
      plainTo(span.start);
      hide(span.end, MARKER);
      hiddenTo = span.end;
    }
    if (at < Math.min(hiddenTo, end)) hide(hiddenTo, NOTHING);
    plainTo(end);
    hiddenBytes = Math.max(0, hiddenTo - end);
    held = all.slice(end);
    doneBytes += end;
    return pieces;
  }

  return {
    push(chunk) {
      keys.push(chunk);
      const all = held.length === 0 ? chunk : joined(held, chunk);
      return take(all, Math.max(0, all.length - heldBytes));
    },
    end: () => take(held, held.length),
  };
}

/** The same over bytes that come by themselves. */
export async function* maskChunks(chunks: AsyncIterable<Uint8Array>, mask: Mask): AsyncGenerator<Uint8Array> {
  const masker = openMasker(mask);
  for await (const chunk of chunks) for (const { bytes } of masker.push(chunk)) yield bytes;
  for (const { bytes } of masker.end()) yield bytes;
}

const NOTHING = new Uint8Array(0);
