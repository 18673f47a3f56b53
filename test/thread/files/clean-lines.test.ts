import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cleanOutput } from '../../../src/report/text/plain.ts';
import { cleanLines } from '../../../src/thread/files/clean-lines.ts';

async function cleaned(pieces: readonly string[]): Promise<string> {
  const parts: string[] = [];
  async function* texts(): AsyncGenerator<string> {
    yield* pieces;
  }
  for await (const part of cleanLines(texts())) parts.push(part);
  return parts.join('');
}

const piece = fc.constantFrom(
  'word',
  '\n',
  '\r',
  '\r\n',
  '\u001b[31m',
  '\u001b]0;title\u0007',
  '\u001b',
  '[0m',
  'a\u0008a',
  '_\u0008b',
  '\ufeff',
  '😀',
  '\u0000',
);

test('output that comes in pieces is cleaned as if it came at once', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 30 }), async (pieces) => {
      expect(await cleaned(pieces)).toBe(cleanOutput(pieces.join(''), { overwrites: 'keep' }));
    }),
    { numRuns: 1_000 },
  );
});

test('so is a line of megabytes, wherever a colour or a character lies', async () => {
  const line = `${'0123456789'.repeat(9)}\u001b[31mred\u001b[0m😀`.repeat(20_000);
  const pieces = Array.from({ length: Math.ceil(line.length / 65_521) }, (_, i) =>
    line.slice(i * 65_521, (i + 1) * 65_521),
  );
  expect((await cleaned(pieces)) === cleanOutput(line, { overwrites: 'keep' })).toBe(true);
});
