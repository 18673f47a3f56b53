import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openKeyBlocks } from '../../src/gather/key-blocks.ts';
import { createMask, openMask } from '../../src/gather/mask.ts';
import { cpuMs, LARGE } from '../linear/cpu.ts';

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

  test('values of fewer than four characters are left alone', () => {
    expect(createMask(['abc', '']).text('abc')).toBe('abc');
    expect(createMask(['äöüß']).text('äöüß')).toBe('[secret]');
    expect(createMask(['äöü']).text('äöü')).toBe('äöü');
  });

  test('a secret of several lines is hidden line by line, as a host may print it', () => {
    const lines = ['MIIEpAIBAAKCAQEA7bq3', 'x9Zk2+Y/4wWq0Rr1', 'Qw=='];
    const key = `-----BEGIN RSA PRIVATE KEY-----\n${lines.join('\r\n')}\n-----END RSA PRIVATE KEY-----\n`;
    const mask = createMask([key, 'first of two\nend']);
    expect(mask.text(`12: ${lines[1]} | ${lines[0]}`)).toBe('12: [secret] | [secret]');
    // What is in every key, or in every text, is no secret.
    expect(mask.text('a first of two, an end; -----END RSA PRIVATE KEY-----, Qw==')).toBe(
      'a [secret], an end; -----END RSA PRIVATE KEY-----, Qw==',
    );
    const listed = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ deploy@bastion';
    expect(createMask([`${listed}\n`]).text(listed)).toBe(listed);
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

describe('a private key of anyone', () => {
  const body = ['b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAE', 'bm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW', 'QyNTUxOQ=='];
  const hidden = (text: string) => createMask([]).text(text);
  const of = (name: string, between = '\n') =>
    [`-----BEGIN ${name}-----`, ...body, `-----END ${name}-----`].join(between);

  test.each(['OPENSSH PRIVATE KEY', 'PRIVATE KEY', 'ENCRYPTED PRIVATE KEY', 'PGP PRIVATE KEY BLOCK'])(
    'from its beginning to its end: %s',
    (name) => {
      expect(hidden(`$ cat key\n${of(name)}\nnext line\n`)).toBe('$ cat key\n[secret]\nnext line\n');
    },
  );

  test.each<[string, string]>([
    ['in JSON', `{"key":"${of('PRIVATE KEY', '\\n')}","x":1}`],
    ['on one line', `KEY=${of('EC PRIVATE KEY', ' ')} more`],
    ['with carriage returns', of('PRIVATE KEY', '\r\n')],
    ['indented', of('PRIVATE KEY', '\n    ')],
    ['in a difference', of('PRIVATE KEY', '\n< ')],
    ['with line numbers', of('PRIVATE KEY', '\n     2\t')],
    ['as grep finds it', of('PRIVATE KEY', '\n/etc/ssh/ssh_host_rsa.key:')],
    [
      'encrypted',
      of('RSA PRIVATE KEY').replace('\n', '\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0A\n\n'),
    ],
    ['without its end', of('PRIVATE KEY').split('-----END')[0] ?? ''],
    ['cut short, with more behind it', `${of('PRIVATE KEY').slice(0, 80)}\n$ ls -l /root\ntotal 4`],
    ['begun twice', `-----BEGIN PRIVATE KEY-----\n${of('PRIVATE KEY')}`],
    ['behind more dashes', `----------${of('PRIVATE KEY')}`],
  ])('%s', (_how, text) => {
    const shown = hidden(text);
    expect(shown).toContain('[secret]');
    for (const line of body) expect(shown).not.toContain(line.slice(0, 8));
  });

  const puttys = [
    'Encryption: none',
    'Comment: eddsa-key-20260101 of "Ann", on her laptop',
    'Public-Lines: 2',
    'AAAAC3NzaC1lZDI1NTE5AAAAIDm',
    'Private-Lines: 1',
    ...body,
  ];
  const ofPutty = (between = '\n', version = 3, last = 'Private-MAC: 0c1d2e3f') =>
    [`PuTTY-User-Key-File-${version}: ssh-ed25519`, ...puttys, last].join(between);

  test.each<[string, string, string]>([
    ['as it is in its file', `$ cat k\n${ofPutty()}\nnext line\n`, '$ cat k\n[secret]\nnext line\n'],
    ['with carriage returns', `${ofPutty('\r\n')}\r\nnext`, '[secret]\r\nnext'],
    ['in JSON', `{"key":"${ofPutty('\\n')}","x":1}`, '{"key":"[secret]","x":1}'],
    ['in a difference', `${ofPutty('\n< ')}\n> next`, '[secret]\n> next'],
    ['as grep finds it', `${ofPutty('\n/home/ann/k.ppk:')}\nnext`, '[secret]\nnext'],
    ['of the first version', `${ofPutty('\n', 1, 'Private-Hash: 0a0b')}\nnext`, '[secret]\nnext'],
    ['two of them', `${ofPutty()}\n${ofPutty()}\nnext`, '[secret]\n[secret]\nnext'],
    ['without its end', `${ofPutty('\n', 2, '')}$ ls -l /root\n`, '[secret]$ ls -l /root\n'],
  ])("PuTTY's: %s", (_how, text, shown) => {
    expect(hidden(text)).toBe(shown);
  });

  test("PuTTY's and others, however the stream is chopped up, hide the same", () => {
    const parts = [
      ofPutty(),
      of('PRIVATE KEY'),
      'ls -l\n',
      '-',
      'PuTTY',
      '-User-Key-File-',
      'Private-MAC: ',
      '\n',
    ];
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...parts), { maxLength: 6 }),
        fc.array(fc.nat(40), { maxLength: 40 }),
        (words, cuts) => {
          const bytes = new TextEncoder().encode(words.join(''));
          const whole = openKeyBlocks();
          whole.push(bytes);
          const chopped = openKeyBlocks();
          let at = 0;
          for (const cut of cuts) {
            chopped.push(bytes.subarray(at, at + cut));
            at = Math.min(bytes.length, at + cut);
          }
          chopped.push(bytes.subarray(at));
          expect(chopped.spansFrom(0)).toEqual(whole.spansFrom(0));
        },
      ),
    );
  });

  test('hides nothing else: certificates, public keys, words about keys, and what follows them', () => {
    for (const text of [
      of('CERTIFICATE'),
      of('PUBLIC KEY'),
      'it begins with BEGIN PRIVATE KEY',
      '-----BEGIN PRIVATE KEY----',
      `-----BEGIN ${'A'.repeat(80)} PRIVATE KEY-----`,
    ]) {
      expect(hidden(text)).toBe(text);
    }
    expect(hidden('"-----BEGIN PRIVATE KEY-----" is how it begins\nand more')).toBe(
      '"[secret]" is how it begins\nand more',
    );
  });

  test.each([
    ['-'],
    ['-----BEGIN '],
    ['-----BEGIN PRIVATE KEY-----'],
    ['-User-Key-File-'],
    ['PuTTY-User-Key-File-2: Private-MAC:'],
    [`${'-----BEGIN A PRIVATE KEY-----\n! '}`],
  ])('a megabyte of %j costs what its length does', (piece) => {
    const text = piece.repeat(LARGE.chars / piece.length);
    expect(cpuMs(() => hidden(text))).toBeLessThan(LARGE.maxCpuMs);
  });
});

test('a mask that learns hides what it learnt before and after, also as JSON writes it', () => {
  const mask = openMask();
  expect(mask.now().text('old-one new"one')).toBe('old-one new"one');
  mask.learn(['old-one']);
  mask.learn(['new"one']);
  expect(mask.now().text('old-one new"one new\\"one')).toBe('[secret] [secret] [secret]');
});
