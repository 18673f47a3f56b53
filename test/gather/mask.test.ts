import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createMask, openMask } from '../../src/gather/mask.ts';

describe('masking secrets', () => {
  test('each occurrence becomes the marker', () => {
    const mask = createMask(['hunter2!', 's3cret']);
    expect(mask.text('login hunter2! then s3cret, hunter2!')).toBe('login [secret] then [secret], [secret]');
  });

  test('text without a secret comes back as it is, lone surrogates and all', () => {
    expect(createMask(['hunter2!']).text('caf\uD800é \uFEFF')).toBe('caf\uD800é \uFEFF');
  });

  test('a secret within a secret, and two that overlap, leave nothing behind', () => {
    expect(createMask(['password', 'password123']).text('password123!')).toBe('[secret]!');
    expect(createMask(['abcde', 'defgh']).text('xabcdefghy')).toBe('x[secret]y');
    expect(createMask(['aaaa']).text('aaaaaa')).toBe('[secret]');
  });

  test('values of fewer than four characters and of several lines are left alone', () => {
    const mask = createMask(['abc', '', 'line one\nline two']);
    expect(mask.text('abc line one\nline two')).toBe('abc line one\nline two');
    expect(mask.longestBytes).toBe(0);
    expect(createMask(['äöüß']).text('äöüß')).toBe('[secret]');
    expect(createMask(['äöü']).text('äöü')).toBe('äöü');
  });

  test('no secret is ever found in what was masked', () => {
    const secret = fc.string({ minLength: 4, maxLength: 12, unit: fc.constantFrom('a', 'b', 'é', '€') });
    fc.assert(
      fc.property(
        fc.array(secret, { minLength: 1, maxLength: 4 }),
        fc.array(fc.oneof(fc.string({ unit: fc.constantFrom('a', 'b', 'é', '€', 'x') }), fc.nat(3)), {
          maxLength: 12,
        }),
        (secrets, parts) => {
          const text = parts
            .map((part) => (typeof part === 'number' ? (secrets[part] ?? '') : part))
            .join('');
          const visible = createMask(secrets).text(text).split('[secret]');
          for (const value of secrets) {
            expect(visible.some((part) => part.includes(value))).toBe(false);
          }
        },
      ),
    );
  });

  test('ten thousand secrets cost no more than one', () => {
    const mask = createMask(Array.from({ length: 10_000 }, (_, i) => `pass-${i}-word`));
    expect(mask.text(`${'x'.repeat(100_000)}pass-777-word`)).toMatch(/^x+\[secret\]$/);
  });
});

test('a mask that learns hides what it learnt before and after, also as JSON writes it', () => {
  const mask = openMask();
  expect(mask.now().text('old-one new"one')).toBe('old-one new"one');
  mask.learn(['old-one']);
  mask.learn(['new"one']);
  expect(mask.now().text('old-one new"one new\\"one')).toBe('[secret] [secret] [secret]');
});
