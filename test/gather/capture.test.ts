import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CaptureLimits } from '../../src/gather/bound.ts';
import { openCapture } from '../../src/gather/capture.ts';
import { createMask, type Mask } from '../../src/gather/mask.ts';
import { NO_OUTPUT, type StreamText } from '../../src/run/outcome.ts';

const NO_MASK = createMask([]);

function openDigest() {
  const hash = createHash('sha256');
  return { update: (bytes: Uint8Array) => void hash.update(bytes), hex: () => hash.digest('hex') };
}

function captured(
  bytes: Uint8Array,
  cuts: readonly number[] = [],
  mask: Mask = NO_MASK,
  limits?: CaptureLimits,
): StreamText {
  const capture = openCapture(mask, openDigest, limits);
  let from = 0;
  for (const cut of [...cuts, bytes.length].toSorted((a, b) => a - b)) {
    if (cut > bytes.length) continue;
    // The library's buffer is used again for the next packet: what was not copied would change.
    const chunk = Uint8Array.from(bytes.subarray(from, cut));
    capture.write(chunk);
    chunk.fill(0x23);
    from = cut;
  }
  return capture.end();
}

const utf8 = (text: string) => new TextEncoder().encode(text);
const size = (text: string) => utf8(text).length;
const small: CaptureLimits = { headBytes: 20, tailBytes: 30 };

describe('capturing a stream', () => {
  test('a stream that said nothing is the empty output', () => {
    expect(captured(utf8(''))).toEqual(NO_OUTPUT);
  });

  test('what fits is kept whole, in the head', () => {
    const text = '\uFEFFFilesystem\n\u001b[31m/dev/sda1\u001b[0m 42%\r\n';
    expect(captured(utf8(text), [1, 2, 7])).toEqual({
      head: text,
      tail: '',
      totalBytes: size(text),
      omittedBytes: 0,
      binary: false,
      sha256: createHash('sha256').update(text).digest('hex'),
    });
  });

  test('of 10 MB the first 32 KiB and the last 96 KiB are kept, and the rest is counted', () => {
    const line = utf8('0123456789abcde\n');
    const capture = openCapture(NO_MASK, openDigest);
    for (let i = 0; i < 655_360; i++) capture.write(line);
    const said = capture.end();
    expect(said.head).toBe('0123456789abcde\n'.repeat(2048));
    expect(said.tail).toBe('0123456789abcde\n'.repeat(6144));
    expect(said.totalBytes).toBe(10_485_760);
    expect(said.omittedBytes).toBe(10_485_760 - 128 * 1024);
  });

  test('a NUL early on, or much that is no UTF-8, makes it binary: nothing is shown, all is counted', () => {
    for (const bytes of [utf8('ELF\0\u0001'), new Uint8Array(400).map((_, i) => (i * 37) | 0x80)]) {
      const said = captured(bytes);
      expect(said).toMatchObject({ binary: true, head: '', tail: '', totalBytes: bytes.length });
      expect(said.omittedBytes).toBe(bytes.length);
      expect(said.sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
    }
  });

  test('a few bytes that are no UTF-8 are replaced, and the line stays readable', () => {
    expect(captured(Uint8Array.of(0x47, 0x72, 0xf6, 0xdf, 0x65, 0x0a)).head).toBe('Gr\uFFFD\uFFFDe\n');
    expect(captured(Uint8Array.of(...utf8('a'.repeat(9000)), 0)).binary).toBe(false);
  });

  test('any chunking gives the same result', () => {
    const key = ['-----BEGIN PRIVATE KEY-----\n', 'MIIEpAIBAAKCAQEA7bq3\n', '-----END PRIVATE KEY-----'];
    const piece = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('hunter2!', 'é€😀', ...key));
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 20 }),
        fc.array(fc.nat(200), { maxLength: 12 }),
        (parts, cuts) => {
          const bytes = utf8(parts.join(''));
          const mask = createMask(['hunter2!']);
          expect(captured(bytes, cuts, mask, small)).toEqual(captured(bytes, [], mask, small));
        },
      ),
    );
  });

  test('never over the limit, and head, omitted and tail add up', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string(), fc.constant('€uro😀')), { maxLength: 25 }), (parts) => {
        const text = parts.join('').replaceAll('\0', '');
        const said = captured(utf8(text), [], NO_MASK, small);
        const { head, tail, omittedBytes, totalBytes } = said;
        expect(totalBytes).toBe(size(text));
        expect(size(head) + omittedBytes + size(tail)).toBe(totalBytes);
        expect(text.startsWith(head) && text.endsWith(tail)).toBe(true);
        if (omittedBytes === 0) expect(head).toBe(text);
        else {
          expect(size(head)).toBeLessThanOrEqual(20);
          expect(size(tail)).toBeLessThanOrEqual(30);
          // At most one character is lost at a cut.
          expect(size(head)).toBeGreaterThan(20 - 4);
          expect(size(tail)).toBeGreaterThan(30 - 4);
        }
      }),
    );
  });

  test('markers and replaced bytes do not push the result over the limit', () => {
    const mask = createMask(['abcd']);
    fc.assert(
      fc.property(fc.array(fc.constantFrom('abcd', '\u00ff', '-'), { maxLength: 40 }), (parts) => {
        const bytes = Uint8Array.from(Buffer.from(parts.join(''), 'latin1'));
        const said = captured(bytes, [], mask, small);
        expect(size(said.head) + size(said.tail)).toBeLessThanOrEqual(50);
        expect(`${said.head}|${said.tail}`).not.toContain('abcd');
      }),
    );
  });

  test('no part of a secret shows at any cut, whatever stands around it', () => {
    const secret = 'k3y-ä-ö-longer-than-the-limits';
    const mask = createMask([secret, 'ö-longer']);
    fc.assert(
      fc.property(fc.nat(60), fc.nat(120), fc.constantFrom('', '\x80', '€'), (before, after, edge) => {
        const bytes = Uint8Array.from(
          Buffer.concat([
            Buffer.from('.'.repeat(before)),
            Buffer.from(secret),
            edge === '\x80' ? Buffer.of(0x80, 0x80) : Buffer.from(edge),
            Buffer.from('.'.repeat(after)),
          ]),
        );
        const said = captured(bytes, [before + 3], mask, small);
        const shown = (said.head + said.tail).replaceAll('[secret]', '');
        expect(shown).toMatch(/^[.€\uFFFD]*$/);
      }),
      { numRuns: 500 },
    );
  });

  test('nothing of a private key shows, however long it is and wherever it is cut', () => {
    const body = 'QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=\n';
    const key = `-----BEGIN PRIVATE KEY-----\n${body.repeat(60)}-----END PRIVATE KEY-----`;
    fc.assert(
      fc.property(
        fc.nat(3_000),
        fc.nat(3_000),
        fc.array(fc.nat(6_000), { maxLength: 8 }),
        (before, after, cuts) => {
          const bytes = utf8(`${'.'.repeat(before)}${key}${'.'.repeat(after)}`);
          const said = captured(bytes, cuts, NO_MASK, { headBytes: 500, tailBytes: 700 });
          expect((said.head + said.tail).replaceAll('[secret]', '')).toMatch(/^\.*$/);
        },
      ),
      { numRuns: 300 },
    );
  });
});
