import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Capture, openCapture } from '../../src/gather/capture.ts';
import { createMask } from '../../src/gather/mask.ts';

const encoder = new TextEncoder();
const SHOWN = 64;

function open(secrets: readonly string[], limits?: { headBytes: number; tailBytes: number }): Capture {
  const digest = () => {
    const hash = createHash('sha256');
    return { update: (bytes: Uint8Array) => void hash.update(bytes), hex: () => hash.digest('hex') };
  };
  return openCapture(createMask(secrets), digest, limits);
}

describe('the last of what a command has said so far', () => {
  test('grows with what comes, and holds back nothing that begins no secret', () => {
    const capture = open(['hunter2-hunter2']);
    capture.write(encoder.encode('one\n'));
    expect(capture.peek(SHOWN)).toMatchObject({ text: 'one\n', totalBytes: 4, isCut: false });
    capture.write(encoder.encode('two\n'));
    expect(capture.peek(SHOWN).text).toBe('one\ntwo\n');
  });

  test('never shows a part of a secret, wherever it is looked at while the secret comes', () => {
    // Secrets in capitals, all else in small letters: no capital may ever be seen.
    const secret = fc.string({ unit: fc.constantFrom('A', 'B', 'C', 'Ä'), minLength: 4, maxLength: 20 });
    const words = fc.string({ unit: fc.constantFrom('x', 'y', '\n', 'ü'), maxLength: 90 });
    fc.assert(
      fc.property(
        fc.array(secret, { minLength: 1, maxLength: 4 }),
        fc.array(fc.tuple(words, fc.nat(3)), { maxLength: 8 }),
        fc.integer({ min: 1, max: 7 }),
        (secrets, parts, step) => {
          const said = parts.map(([text, which]) => text + (secrets[which] ?? '')).join('');
          const bytes = encoder.encode(said);
          const capture = open(secrets, { headBytes: 24, tailBytes: 80 });
          for (let at = 0; at < bytes.length; at += step) {
            capture.write(bytes.subarray(at, at + step));
            const { text } = capture.peek(SHOWN);
            expect(text.replaceAll('[secret]', '')).not.toMatch(/[A-CÄ\ufffd]/);
            expect(encoder.encode(text).length).toBeLessThanOrEqual(SHOWN);
          }
        },
      ),
    );
  });

  test('hides a private key while it comes, also once its beginning is out of reach', () => {
    const capture = open([], { headBytes: 24, tailBytes: 160 });
    capture.write(encoder.encode('before\n-----BEGIN OPENSSH PRIVATE KEY-----\n'));
    expect(capture.peek(200).text).toBe('before\n[secret]');
    for (let line = 0; line < 40; line++) {
      capture.write(encoder.encode(`${'QUJD'.repeat(16)}\n`));
      expect(capture.peek(200).text).not.toContain('QUJD');
    }
    capture.write(encoder.encode('-----END OPENSSH PRIVATE KEY-----\nafter\n'));
    expect(capture.peek(200).text).toMatch(/^(\[secret\])?\nafter\n$/);
  });

  test('is no longer than was asked for, however much came, and changes nothing of the result', () => {
    const [looked, alone] = [open(['geheim']), open(['geheim'])];
    for (let i = 0; i < 300; i++) {
      const chunk = encoder.encode(`${'line '.repeat(200)}${i} geheim\n`);
      looked.write(chunk);
      alone.write(chunk);
      expect(looked.peek(SHOWN)).toMatchObject({ isCut: true });
      expect(looked.peek(SHOWN).text).toMatch(/ \d+ \[secret\]\n$/);
    }
    expect(looked.end()).toEqual(alone.end());
  });

  test('of a binary says that it is one', () => {
    const capture = open([]);
    capture.write(Uint8Array.of(0x7f, 0x45, 0, 1));
    expect(capture.peek(SHOWN)).toMatchObject({ text: '', binary: true, totalBytes: 4 });
  });
});
