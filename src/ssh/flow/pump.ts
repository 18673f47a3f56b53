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

/** Takes chunks one after the other, until one is empty, and writes several at once. Answers with how much there was. */
export async function pumpOut(
  next: () => Promise<Buffer>,
  write: (bytes: Buffer, position: number) => Promise<void>,
  window: Window,
): Promise<number> {
  const writing: { readonly bytes: number; readonly written: Promise<void> }[] = [];
  const pace = new Pace(window);
  let position = 0;
  let underWay = 0;
  try {
    for (let chunk = await next(); chunk.length > 0; chunk = await next()) {
      for (let start = 0; start < chunk.length; ) {
        const piece = chunk.subarray(start, start + pace.requestBytes);
        start += piece.length;
        while (writing.length > 0 && underWay + piece.length > window()) {
          const first = writing.shift();
          await first?.written;
          underWay -= first?.bytes ?? 0;
          pace.moved(first?.bytes ?? 0);
        }
        const written = write(piece, position);
        // Awaited above or below, in its turn; until then a failure is nobody's surprise.
        written.catch(() => {});
        writing.push({ bytes: piece.length, written });
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

export interface Reading {
  /** As much as that is asked for at once; beyond it, a chunk at a time, as a size may be wrong, or none at all. */
  readonly expectedBytes: number;
  readonly window: Window;
}

/**
 * Reads several at once and hands on in order, up to where the source ends; its size is not believed, since
 * some hosts and all of /proc say 0. A short read is completed before anything behind it counts.
 */
export async function pumpIn(
  read: (buffer: Buffer, start: number, position: number) => Promise<number>,
  take: (bytes: Buffer) => Promise<void>,
  { expectedBytes, window }: Reading,
): Promise<number> {
  const readWhole = async (position: number, length: number): Promise<Buffer> => {
    const buffer = Buffer.allocUnsafe(length);
    let filled = 0;
    while (filled < length) {
      const bytes = await read(buffer, filled, position + filled);
      if (bytes === 0) break;
      filled += bytes;
    }
    return buffer.subarray(0, filled);
  };

  const reading: { readonly length: number; readonly chunk: Promise<Buffer> }[] = [];
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
      const bytes = (await first?.chunk) ?? Buffer.alloc(0);
      const length = first?.length ?? 0;
      underWay -= length;
      pace.moved(length);
      total += bytes.length;
      if (bytes.length > 0) await take(bytes);
      if (bytes.length < length) return total;
    }
  } finally {
    await Promise.allSettled(reading.map(({ chunk }) => chunk));
  }
}
