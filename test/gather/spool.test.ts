import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openCapture } from '../../src/gather/capture.ts';
import { createMask, type Mask } from '../../src/gather/mask.ts';
import { openMasker, openSpool } from '../../src/gather/spool.ts';

const SECRETS = ['hunter2!', 'aaaa', 'abab-abab', '!hunt', 'päss-wörd'];
const KEY_PARTS = [
  '-----BEGIN RSA PRIVATE KEY-----',
  '-----END RSA PRIVATE KEY-----',
  'MIIEpAIBAAKCAQEA7bq3\n',
  '-----BEGIN ',
  '-----',
  ' ',
];
const utf8 = (text: string) => new TextEncoder().encode(text);
const bytesOf = (parts: readonly Uint8Array[]) => Buffer.concat(parts);

function* chunksOf(bytes: Uint8Array, cuts: readonly number[]): Generator<Uint8Array> {
  let from = 0;
  for (const cut of [...cuts, bytes.length].toSorted((a, b) => a - b)) {
    if (cut > bytes.length) continue;
    const chunk = Uint8Array.from(bytes.subarray(from, cut));
    yield chunk;
    // The library's buffer is used again for the next packet: what was not copied would change.
    chunk.fill(0x23);
    from = cut;
  }
}

function spooled(bytes: Uint8Array, cuts: readonly number[], mask: Mask, maxBytes?: number) {
  const parts: Uint8Array[] = [];
  const spool = openSpool(mask, { write: (part) => void parts.push(part) }, maxBytes);
  for (const chunk of chunksOf(bytes, cuts)) spool.write(chunk);
  return { covered: spool.end(), file: bytesOf(parts) };
}

const piece = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 5 }),
  fc.constantFrom(...SECRETS, 'hunter2', 'aa', 'abab-', '€😀', '\n', ...KEY_PARTS),
);
const output = fc.array(piece, { maxLength: 30 }).map((parts) => utf8(parts.join('')));
const someCuts = fc.array(fc.nat(200), { maxLength: 30 });

describe('spooling a stream', () => {
  test('any chunking masks as the mask does at once', () => {
    const mask = createMask(SECRETS);
    fc.assert(
      fc.property(output, someCuts, (bytes, cuts) => {
        const masker = openMasker(mask);
        const parts: Uint8Array[] = [];
        let streamBytes = 0;
        const take = (pieces: ReturnType<typeof masker.push>): void => {
          for (const one of pieces) {
            parts.push(one.bytes);
            streamBytes += one.streamBytes;
          }
        };
        for (const chunk of chunksOf(bytes, cuts)) take(masker.push(chunk));
        take(masker.end());
        expect(bytesOf(parts).toString()).toBe(
          mask.text(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)),
        );
        expect(streamBytes).toBe(bytes.length);
      }),
      { numRuns: 1_000 },
    );
  });

  test('any chunking gives the same file, within its limit, the beginning of the masked whole', () => {
    const mask = createMask(SECRETS);
    fc.assert(
      fc.property(output, someCuts, fc.nat(120), (bytes, cuts, maxBytes) => {
        const whole = spooled(bytes, [], mask);
        const cut = spooled(bytes, cuts, mask, maxBytes);
        expect(cut).toEqual(spooled(bytes, [], mask, maxBytes));
        expect(cut.file.length).toBeLessThanOrEqual(maxBytes);
        expect(whole.file.subarray(0, cut.file.length).equals(cut.file)).toBe(true);
        expect(whole.covered).toBe(bytes.length);
        // Less than all is said exactly where the file is not all of it.
        if (cut.file.length < whole.file.length) expect(cut.covered).toBeLessThan(bytes.length);
        else expect(cut.covered).toBe(bytes.length);
      }),
      { numRuns: 1_000 },
    );
  });

  test('the capture spools from the first byte on, once a stream outgrows it, and nothing before', () => {
    const mask = createMask(SECRETS);
    const limits = { headBytes: 20, tailBytes: 30 };
    fc.assert(
      fc.property(output, someCuts, (bytes, cuts) => {
        const parts: Uint8Array[] = [];
        let opened = 0;
        const capture = openCapture(mask, openDigest, limits, () => {
          opened += 1;
          return { write: (part) => void parts.push(part) };
        });
        for (const chunk of chunksOf(bytes, cuts)) capture.write(chunk);
        const said = capture.end();
        expect(opened).toBe(said.binary || said.omittedBytes === 0 ? 0 : 1);
        expect(capture.spooledBytes).toBe(opened * bytes.length);
        if (opened > 0) expect(bytesOf(parts)).toEqual(spooled(bytes, [], mask).file);
      }),
      {
        numRuns: 1_000,
        // A zero byte behind what is kept, within the margin, in a chunk of its own.
        examples: [[utf8(`${'x'.repeat(51)}\0`), [51]]],
      },
    );
  });

  test('a secret without an end is one marker, and takes no memory', () => {
    const mask = createMask(['aaaa']);
    const { file, covered } = spooled(utf8(`b${'a'.repeat(100_000)}b`), [10, 2_000, 70_000], mask);
    expect(file.toString()).toBe('b[secret]b');
    expect(covered).toBe(100_002);
  });
});

function openDigest() {
  const hash = createHash('sha256');
  return { update: (bytes: Uint8Array) => void hash.update(bytes), hex: () => hash.digest('hex') };
}
