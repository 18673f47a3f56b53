/** The first `maxBytes` of what is pushed. Grows with what comes: most outputs are a few lines. */
export class GrowingBytes {
  readonly #maxBytes: number;
  #buffer = new Uint8Array(0);
  #length = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  push(chunk: Uint8Array): void {
    const taken = chunk.subarray(0, this.#maxBytes - this.#length);
    if (taken.length === 0) return;
    this.#buffer = grown(this.#buffer, this.#length, this.#length + taken.length, this.#maxBytes);
    this.#buffer.set(taken, this.#length);
    this.#length += taken.length;
  }

  /** A view, not a copy. */
  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }
}

/** The last `maxBytes` of what is pushed, copied: a chunk may be a sliver of a large network buffer. */
export class ByteRing {
  readonly #maxBytes: number;
  #buffer = new Uint8Array(0);
  /** Bytes in the buffer; at `maxBytes` the ring is full and `#next` wraps. */
  #length = 0;
  #next = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  push(chunk: Uint8Array): void {
    let rest = chunk.subarray(Math.max(0, chunk.length - this.#maxBytes));
    if (rest.length === 0) return;
    if (this.#length + rest.length <= this.#maxBytes) {
      this.#buffer = grown(this.#buffer, this.#length, this.#length + rest.length, this.#maxBytes);
    } else if (this.#buffer.length < this.#maxBytes) {
      this.#buffer = grown(this.#buffer, this.#length, this.#maxBytes, this.#maxBytes);
    }
    this.#length = Math.min(this.#length + rest.length, this.#maxBytes);
    while (rest.length > 0) {
      const part = rest.subarray(0, this.#maxBytes - this.#next);
      this.#buffer.set(part, this.#next);
      this.#next = (this.#next + part.length) % this.#maxBytes;
      rest = rest.subarray(part.length);
    }
  }

  /** In the order they came. */
  bytes(): Uint8Array {
    if (this.#length < this.#maxBytes) return this.#buffer.subarray(0, this.#length);
    const ordered = new Uint8Array(this.#length);
    ordered.set(this.#buffer.subarray(this.#next));
    ordered.set(this.#buffer.subarray(0, this.#next), this.#length - this.#next);
    return ordered;
  }
}

function grown(
  buffer: Uint8Array<ArrayBuffer>,
  used: number,
  needed: number,
  maxBytes: number,
): Uint8Array<ArrayBuffer> {
  if (needed <= buffer.length) return buffer;
  const larger = new Uint8Array(Math.min(maxBytes, Math.max(needed, buffer.length * 2, 512)));
  larger.set(buffer.subarray(0, used));
  return larger;
}

export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** From the first byte of a secret to behind its last. */
export interface Span {
  readonly start: number;
  readonly end: number;
}
