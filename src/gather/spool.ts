import { joined, type Span } from './bytes.ts';
import { openKeyBlocks } from './key-blocks.ts';
import { type Mask, SECRET_MARKER } from './mask.ts';

/** Of one stream's file. What comes after is only counted. */
const MAX_SPOOL_BYTES = 10 * 1024 * 1024;

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
const NOTHING = new Uint8Array(0);
/** Bytes. A host that sends one at a time would have all that is held back searched anew for each. */
const LOOKED_AT_ONCE = 1_024;

/**
 * Masks a stream of any length as the mask would mask all of it at once. Of what came, the last bytes are held
 * back: a secret may begin in them whose end is still to come. A key is hidden as it comes, however long it is.
 */
export function openMasker(mask: Mask): Masker {
  const heldBytes = Math.max(0, mask.longestBytes - 1);
  const keys = openKeyBlocks();
  /** Came after those held, and was not looked at yet: less than `LOOKED_AT_ONCE`. */
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let held: Uint8Array = new Uint8Array(0);
  /** Of the stream, before those held. */
  let doneBytes = 0;
  /** So many of the held bytes belong to a secret that has its marker already. */
  let hiddenBytes = 0;

  /** All that is to be looked at; undefined while that is too little. */
  function gather(chunk: Uint8Array): Uint8Array | undefined {
    waitingBytes += chunk.length;
    if (waitingBytes < LOOKED_AT_ONCE) {
      // A copy: whoever pushes may use its bytes again.
      waiting.push(chunk.slice());
      return undefined;
    }
    const all = joined(held, ...waiting, chunk);
    waiting = [];
    waitingBytes = 0;
    return all;
  }

  /** The pieces of all up to `end`. */
  function take(all: Uint8Array, end: number): readonly MaskedPiece[] {
    const spans = mask.spans(all, keys.spansFrom(doneBytes));
    // A secret that overlaps what has its marker already goes on with it.
    const goingOn = spans.findLast(({ start }) => start < hiddenBytes);
    const markedTo = Math.max(hiddenBytes, goingOn?.end ?? 0);
    const secrets = spans.filter(({ start }) => start >= hiddenBytes && start < end);
    const pieces = [...cut(all.subarray(0, end), markedTo, secrets)];
    hiddenBytes = Math.max(0, (secrets.at(-1)?.end ?? markedTo) - end);
    held = all.slice(end);
    doneBytes += end;
    return pieces;
  }

  return {
    push(chunk) {
      keys.push(chunk);
      const all = gather(chunk);
      return all === undefined ? [] : take(all, Math.max(0, all.length - heldBytes));
    },
    end() {
      const all = joined(held, ...waiting);
      return take(all, all.length);
    },
  };
}

/** Bytes as their pieces: what has its marker already, then the secrets that begin in them, and what is around. */
function* cut(bytes: Uint8Array, markedTo: number, secrets: readonly Span[]): Generator<MaskedPiece> {
  let at = Math.min(markedTo, bytes.length);
  if (at > 0) yield { bytes: NOTHING, streamBytes: at, isMarker: true };
  for (const { start, end } of secrets) {
    if (start > at) yield plain(bytes.slice(at, start));
    at = Math.min(end, bytes.length);
    yield { bytes: MARKER, streamBytes: at - start, isMarker: true };
  }
  if (bytes.length > at) yield plain(bytes.slice(at));
}

function plain(bytes: Uint8Array): MaskedPiece {
  return { bytes, streamBytes: bytes.length, isMarker: false };
}

/** The same over bytes that come by themselves. */
export async function* maskChunks(chunks: AsyncIterable<Uint8Array>, mask: Mask): AsyncGenerator<Uint8Array> {
  const masker = openMasker(mask);
  for await (const chunk of chunks) for (const { bytes } of masker.push(chunk)) yield bytes;
  for (const { bytes } of masker.end()) yield bytes;
}
