/**
 * Copies with several requests under way: one at a time moves a chunk per round trip, which on a distant host
 * is a tenth of what the line could do; the library's own way of many hangs, loses modes and believes sizes
 * (facts: ssh2 pitfalls 3 to 7, WAN table).
 */
export const IN_FLIGHT = 8;
export const CHUNK_BYTES = 64 * 1024;

/** Reads one after the other, writes several at once. Answers with how much there was. */
export async function pumpOut(
  read: (buffer: Buffer) => Promise<number>,
  write: (bytes: Buffer, position: number) => Promise<void>,
): Promise<number> {
  const writing: Promise<void>[] = [];
  let position = 0;
  try {
    for (;;) {
      const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
      const bytes = await read(buffer);
      if (bytes === 0) break;
      const written = write(buffer.subarray(0, bytes), position);
      // Awaited below, in its turn; until then a failure is nobody's surprise.
      written.catch(() => {});
      writing.push(written);
      position += bytes;
      if (writing.length >= IN_FLIGHT) await writing.shift();
    }
    await Promise.all(writing);
    return position;
  } finally {
    await Promise.allSettled(writing);
  }
}

/**
 * Reads several at once and hands on in order, up to where the source ends; its size is not asked for, since
 * some hosts and all of /proc say 0. A short read is completed before anything behind it counts.
 */
export async function pumpIn(
  read: (buffer: Buffer, start: number, position: number) => Promise<number>,
  take: (bytes: Buffer) => Promise<void>,
): Promise<number> {
  const readWhole = async (position: number): Promise<Buffer> => {
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    let filled = 0;
    while (filled < buffer.length) {
      const bytes = await read(buffer, filled, position + filled);
      if (bytes === 0) break;
      filled += bytes;
    }
    return buffer.subarray(0, filled);
  };

  const reading: Promise<Buffer>[] = [];
  let asked = 0;
  let total = 0;
  // One at first: most files end within it.
  let width = 1;
  try {
    for (;;) {
      while (reading.length < width) {
        const chunk = readWhole(asked);
        chunk.catch(() => {});
        reading.push(chunk);
        asked += CHUNK_BYTES;
      }
      const bytes = (await reading.shift()) ?? Buffer.alloc(0);
      total += bytes.length;
      if (bytes.length > 0) await take(bytes);
      if (bytes.length < CHUNK_BYTES) return total;
      width = IN_FLIGHT;
    }
  } finally {
    await Promise.allSettled(reading);
  }
}
