import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeText, NotText } from '../../src/inventory/text.ts';

const bytes = (...parts: readonly (string | readonly number[])[]) =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from(part))));
/** \u5bc6\u7801 as GBK has it. */
const GBK = [0xc3, 0xdc, 0xc2, 0xeb];

function faultOf(read: () => string): NotText {
  try {
    read();
  } catch (error) {
    if (error instanceof NotText) return error;
  }
  throw new Error('it was read');
}

describe('text that is read is the text that was written', () => {
  test('any text comes back as it was, a byte order mark aside', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        fc.pre(!text.includes('\0') && !text.startsWith('\ufeff') && text.isWellFormed());
        expect(decodeText(Buffer.from(text))).toBe(text);
        expect(decodeText(Buffer.from(`\ufeff${text}`))).toBe(text);
      }),
    );
  });

  test('any bytes are text without loss, or none', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (some) => {
        try {
          expect(Buffer.from(decodeText(some)).equals(some) || some[0] === 0xef).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(NotText);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test('a value in GBK is refused with its line, and a comment in GBK is none of our business', () => {
    const text = bytes('[a]\n# ', GBK, '\npassword = ', GBK, '\n');
    expect(faultOf(() => decodeText(text, 'full-line'))).toMatchObject({
      line: 3,
      message: 'is not UTF-8 (line 3); save it as UTF-8',
    });
    expect(faultOf(() => decodeText(text)).line).toBe(2);
    expect(decodeText(bytes('[a]\n  ; ', GBK, '\nuser = u\n'), 'full-line')).toBe('[a]\n#\nuser = u\n');
    expect(faultOf(() => decodeText(bytes('x # ', GBK), 'full-line')).line).toBe(1);
  });

  test.each([
    ['with its mark', Buffer.from('\ufeff[a]\nip = a\n', 'utf16le')],
    ['without', Buffer.from('[a]\nip = a\n', 'utf16le')],
    ['of an empty file', Buffer.from([0xff, 0xfe])],
    ['the other way round', Buffer.from([0xfe, 0xff, 0, 0x5b])],
  ])('UTF-16 %s gets words of its own', (_name, text) => {
    expect(faultOf(() => decodeText(text, 'full-line')).message).toBe(
      'is UTF-16 or no text at all; save it as UTF-8',
    );
  });
});
