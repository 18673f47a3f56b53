import { randomBytes } from 'node:crypto';
import { setImmediate as nextTick } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CHUNK_BYTES, IN_FLIGHT, pumpIn, pumpOut } from '../../../src/ssh/copy/pump.ts';

const size = fc.nat(CHUNK_BYTES * 12);
/** Answers out of order: each waits a few turns of its own. */
const turns = fc.array(fc.nat(4), { minLength: 1, maxLength: 7 });

async function wait(pattern: readonly number[], nth: number): Promise<void> {
  for (let i = 0; i < (pattern[nth % pattern.length] ?? 0); i++) await nextTick();
}

describe('pumping', () => {
  test('out: every byte lands in its place, and never more than eight writes wait', async () => {
    await fc.assert(
      fc.asyncProperty(size, turns, async (length, pattern) => {
        const source = randomBytes(length);
        const target = Buffer.alloc(length);
        let read = 0;
        let writes = 0;
        let waiting = 0;
        const moved = await pumpOut(
          async (buffer) => {
            const bytes = source.copy(buffer, 0, read);
            read += bytes;
            return bytes;
          },
          async (bytes, position) => {
            expect(++waiting).toBeLessThanOrEqual(IN_FLIGHT);
            await wait(pattern, writes++);
            bytes.copy(target, position);
            waiting--;
          },
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
          async (buffer) => {
            await wait(pattern, left);
            return left-- > 0 ? buffer.length : 0;
          },
          async () => {
            const nth = writes++;
            await wait(pattern, nth);
            if (nth === bad) throw new Error('disk full');
          },
        );
        await expect(pumped).rejects.toThrow('disk full');
      }),
      { numRuns: 60 },
    );
  });

  test('in: order and bytes are kept, however short the reads and whenever they answer', async () => {
    await fc.assert(
      fc.asyncProperty(
        size,
        turns,
        fc.integer({ min: 500, max: CHUNK_BYTES }),
        async (length, pattern, most) => {
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
            async (bytes) => void taken.push(Buffer.from(bytes)),
          );
          expect(moved).toBe(length);
          expect(Buffer.concat(taken).equals(source)).toBe(true);
        },
      ),
      { numRuns: 40 },
    );
  });

  test('in: a read or a taker that fails, fails the copy', async () => {
    const endless = async (buffer: Buffer, start: number) => buffer.length - start;
    await expect(
      pumpIn(endless, async () => {
        throw new Error('disk full');
      }),
    ).rejects.toThrow('disk full');
    await expect(
      pumpIn(
        async (buffer, start, position) => {
          if (position > 300_000) throw new Error('input/output error');
          return buffer.length - start;
        },
        async () => {},
      ),
    ).rejects.toThrow('input/output error');
  });
});
