/**
 * Copies with several requests under way: one at a time moves a chunk per round trip, which on a distant host
 * is a tenth of what the line could do; the library's own way of many hangs, loses modes and believes sizes
 * (facts: ssh2 pitfalls 3 to 7, WAN table). How many is counted in bytes (`window.ts`).
 */

/**
 * The largest read and write that OpenSSH takes, also where it announces no limits (ssh2 keeps 2 KiB of its 256 for
 * itself): a quarter of the requests, and 40 % less CPU, than with 64 KiB. The library parts it for hosts that take less.
 */
export const CHUNK_BYTES = 254 * 1024;

/** The first requests, those of a slow line, and those of many copies that share what may be under way. */
const LEAST_BYTES = 32 * 1024;
/** As long as one request may take: a host is silent until it is through. */
const REQUEST_SECONDS = 0.25;

/** How many bytes may be under way now: asked anew for each request. One request always may. */
export type Window = () => number;

/** How much is asked for at once: little until it is known how fast the line is. */
class Pace {
  readonly #window: Window;
  readonly #since = performance.now();
  #bytes = 0;

  constructor(window: Window) {
    this.#window = window;
  }

  moved(bytes: number): void {
    this.#bytes += bytes;
  }

  get requestBytes(): number {
    const seconds = Math.max(0.001, (performance.now() - this.#since) / 1_000);
    const fits = Math.min(CHUNK_BYTES, this.#window(), (this.#bytes / seconds) * REQUEST_SECONDS);
    return Math.max(LEAST_BYTES, Math.trunc(fits));
  }
}

/** Where chunks come from. */
export interface Chunks {
  /** Empty at the end. */
  next(): Promise<Buffer>;
  /** The oldest one that was not given back yet is written: its memory may be used again. */
  giveBack(): void;
}

/** Takes chunks one after the other, until one is empty, and writes several at once. Answers with how much there was. */
export async function pumpOut(
  chunks: Chunks,
  write: (bytes: Buffer, position: number) => Promise<void>,
  window: Window,
): Promise<number> {
  const writing: {
    readonly bytes: number;
    readonly isLast: boolean;
    readonly written: Promise<void>;
  }[] = [];
  const pace = new Pace(window);
  let position = 0;
  let underWay = 0;
  try {
    for (let chunk = await chunks.next(); chunk.length > 0; chunk = await chunks.next()) {
      for (let start = 0; start < chunk.length; ) {
        const piece = chunk.subarray(start, start + pace.requestBytes);
        start += piece.length;
        while (writing.length > 0 && underWay + piece.length > window()) {
          const first = writing.shift();
          await first?.written;
          underWay -= first?.bytes ?? 0;
          pace.moved(first?.bytes ?? 0);
          if (first?.isLast === true) chunks.giveBack();
        }
        const written = write(piece, position);
        // Awaited above or below, in its turn; until then a failure is nobody's surprise.
        written.catch(() => {});
        writing.push({ bytes: piece.length, isLast: start === chunk.length, written });
        position += piece.length;
        underWay += piece.length;
      }
    }
    await Promise.all(writing.map(({ written }) => written));
    return position;
  } finally {
    await Promise.allSettled(writing.map(({ written }) => written));
  }
}

interface Chunk {
  readonly bytes: Buffer;
  giveBack(): void;
}

export interface Reading {
  /** As much as that is asked for at once; beyond it, a chunk at a time, as a size may be wrong, or none at all. */
  readonly expectedBytes: number;
  readonly window: Window;
}

/**
 * Reads several at once and hands on in order, up to where the source ends; its size is not believed, since
 * some hosts and all of /proc say 0. A short read is completed before anything behind it counts. Who takes a chunk
 * gives it back when it is done with it: its memory is read into again.
 */
export async function pumpIn(
  read: (buffer: Buffer, start: number, position: number) => Promise<number>,
  take: (bytes: Buffer, giveBack: () => void) => Promise<void>,
  { expectedBytes, window }: Reading,
): Promise<number> {
  const spare: Buffer[] = [];
  const readWhole = async (position: number, length: number): Promise<Chunk> => {
    const buffer = (length === CHUNK_BYTES ? spare.pop() : undefined) ?? Buffer.allocUnsafe(length);
    let filled = 0;
    while (filled < length) {
      const bytes = await read(buffer, filled, position + filled);
      if (bytes === 0) break;
      filled += bytes;
    }
    return {
      bytes: buffer.subarray(0, filled),
      giveBack: () => void (length === CHUNK_BYTES && spare.push(buffer)),
    };
  };

  const reading: { readonly length: number; readonly chunk: Promise<Chunk> }[] = [];
  const pace = new Pace(window);
  let asked = 0;
  let total = 0;
  let underWay = 0;
  try {
    for (;;) {
      for (;;) {
        const length = pace.requestBytes;
        // Beyond its size there is only its end to be found.
        const mayAsk = asked <= expectedBytes && underWay + length <= window();
        if (reading.length > 0 && !mayAsk) break;
        const chunk = readWhole(asked, length);
        chunk.catch(() => {});
        reading.push({ length, chunk });
        asked += length;
        underWay += length;
      }
      const first = reading.shift();
      if (first === undefined) return total;
      const { length } = first;
      const { bytes, giveBack } = await first.chunk;
      underWay -= length;
      pace.moved(length);
      total += bytes.length;
      if (bytes.length > 0) await take(bytes, giveBack);
      if (bytes.length < length) return total;
    }
  } finally {
    await Promise.allSettled(reading.map(({ chunk }) => chunk));
  }
}
