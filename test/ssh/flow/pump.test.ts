import { randomBytes } from 'node:crypto';
import { setImmediate as nextTick } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CHUNK_BYTES, pumpIn, pumpOut } from '../../../src/ssh/flow/pump.ts';

const size = fc.nat(CHUNK_BYTES * 12);
const windowBytes = fc.integer({ min: 1, max: CHUNK_BYTES * 9 });
/** Answers out of order: each waits a few turns of its own. */
const turns = fc.array(fc.nat(4), { minLength: 1, maxLength: 7 });

async function wait(pattern: readonly number[], nth: number): Promise<void> {
  for (let i = 0; i < (pattern[nth % pattern.length] ?? 0); i++) await nextTick();
}

describe('pumping', () => {
  test('out: every byte lands in its place, and no more is under way than the window allows', async () => {
    await fc.assert(
      fc.asyncProperty(size, turns, windowBytes, async (length, pattern, most) => {
        const source = randomBytes(length);
        const target = Buffer.alloc(length);
        let read = 0;
        let given = 0;
        let writes = 0;
        let underWay = 0;
        const moved = await pumpOut(
          {
            next: async () => source.subarray(CHUNK_BYTES * read, CHUNK_BYTES * ++read),
            giveBack: () => {
              // What may be written over now is where it belongs.
              const [start, end] = [CHUNK_BYTES * given, CHUNK_BYTES * ++given];
              expect(target.subarray(start, end).equals(source.subarray(start, end))).toBe(true);
            },
          },
          async (bytes, position) => {
            underWay += bytes.length;
            // One request always may, and none is smaller than 32 KiB.
            expect(underWay).toBeLessThanOrEqual(Math.max(most, 32 * 1024));
            await wait(pattern, writes++);
            bytes.copy(target, position);
            underWay -= bytes.length;
          },
          () => most,
        );
        expect(moved).toBe(length);
        expect(target.equals(source)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  test('out: a write that fails, whichever it is and whenever it says so, fails the copy', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 19 }), turns, async (bad, pattern) => {
        let left = 20;
        let writes = 0;
        const pumped = pumpOut(
          {
            async next() {
              await wait(pattern, left);
              return Buffer.alloc(left-- > 0 ? CHUNK_BYTES : 0);
            },
            giveBack() {},
          },
          async () => {
            const nth = writes++;
            await wait(pattern, nth);
            if (nth === bad) throw new Error('disk full');
          },
          () => 8 * CHUNK_BYTES,
        );
        await expect(pumped).rejects.toThrow('disk full');
      }),
      { numRuns: 60 },
    );
  });

  test('in: order and bytes are kept, however short the reads, whenever they answer, whatever size is expected', async () => {
    await fc.assert(
      fc.asyncProperty(
        size,
        turns,
        fc.integer({ min: 500, max: CHUNK_BYTES }),
        windowBytes,
        fc.nat(CHUNK_BYTES * 12),
        async (length, pattern, most, window, expectedBytes) => {
          const source = randomBytes(length);
          const taken: Buffer[] = [];
          let reads = 0;
          const moved = await pumpIn(
            async (buffer, start, position) => {
              await wait(pattern, reads++);
              return source.copy(
                buffer,
                start,
                position,
                Math.min(position + most, position + buffer.length - start),
              );
            },
            async (bytes, giveBack) => {
              // A disk that is behind: what it has not written yet is not read over.
              const nth = taken.push(bytes) - 1;
              void wait(pattern, nth + 3).then(() => {
                taken[nth] = Buffer.from(bytes);
                giveBack();
              });
            },
            { expectedBytes, window: () => window },
          );
          for (let i = 0; i < 8; i++) await nextTick();
          expect(moved).toBe(length);
          expect(Buffer.concat(taken).equals(source)).toBe(true);
        },
      ),
      { numRuns: 40 },
    );
  });

  test('in: the end of a file that has the size it is said to have is asked for once', async () => {
    let beyond = 0;
    const length = 5 * CHUNK_BYTES;
    await pumpIn(
      async (buffer, start, position) => {
        if (position >= length) beyond += 1;
        return Math.max(0, Math.min(buffer.length - start, length - position));
      },
      async () => {},
      { expectedBytes: length, window: () => 20 * CHUNK_BYTES },
    );
    expect(beyond).toBe(1);
  });

  test('requests are small at first and on a slow line, and as large as the host takes them on a quick one', async () => {
    let slowLeft = 1;
    await pumpOut(
      { next: async () => Buffer.alloc(slowLeft-- > 0 ? CHUNK_BYTES : 0), giveBack() {} },
      async (bytes) => {
        expect(bytes.length).toBe(Math.min(32 * 1024, bytes.length));
        // As long as 32 KiB take on such a line.
        await new Promise((resolve) => setTimeout(resolve, 300));
      },
      () => 32 * 1024,
    );
    const quick: number[] = [];
    let left = 12;
    await pumpOut(
      { next: async () => Buffer.alloc(left-- > 0 ? CHUNK_BYTES : 0), giveBack() {} },
      async (bytes) => void quick.push(bytes.length),
      () => CHUNK_BYTES,
    );
    expect(quick[0]).toBe(32 * 1024);
    expect(Math.max(...quick)).toBe(CHUNK_BYTES);
  });

  test('in: a read or a taker that fails, fails the copy', async () => {
    const reading = { expectedBytes: 2_000_000, window: () => 8 * CHUNK_BYTES };
    const endless = async (buffer: Buffer, start: number) => buffer.length - start;
    await expect(
      pumpIn(
        endless,
        async () => {
          throw new Error('disk full');
        },
        reading,
      ),
    ).rejects.toThrow('disk full');
    await expect(
      pumpIn(
        async (buffer, start, position) => {
          if (position > 300_000) throw new Error('input/output error');
          return buffer.length - start;
        },
        async () => {},
        reading,
      ),
    ).rejects.toThrow('input/output error');
  });
});
