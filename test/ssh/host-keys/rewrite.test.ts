import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type KnownKey, parseKnownHosts } from '../../../src/ssh/host-keys/known-hosts.ts';
import { rewriteKnownHosts } from '../../../src/ssh/host-keys/rewrite.ts';
import { atOnce } from '../../../src/time/slices.ts';

function keyOf(label: string, type = 'ssh-ed25519'): KnownKey {
  const part = (text: string) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(text.length);
    return Buffer.concat([length, Buffer.from(text)]);
  };
  return { type, blob: Buffer.concat([part(type), part(label)]) };
}

const [OLD, NEXT, OTHER, RSA] = [keyOf('old'), keyOf('next'), keyOf('other'), keyOf('rsa', 'ssh-rsa')];
const words = (key: KnownKey) => `${key.type} ${key.blob.toString('base64')}`;

function hashed(name: string): string {
  const salt = Buffer.from('0123456789abcdefghij');
  return `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`;
}

const rewrite = (text: string, place = '10.0.0.1', keys: readonly KnownKey[] = [NEXT]) => {
  const { hashedAt } = parseKnownHosts(text, 'f').find(place);
  const at = new Map(hashedAt.map((line) => [line, [place]]));
  return atOnce(rewriteKnownHosts(text, new Map([[place, keys]]), at));
};

test('every line of a place goes, plain or hashed, in any case, and its new key comes', () => {
  const text = `10.0.0.1 ${words(OLD)} a comment\n${hashed('10.0.0.1')} ${words(RSA)}\n10.0.0.2 ${words(OLD)}\n`;
  expect(rewrite(text)).toBe(`10.0.0.2 ${words(OLD)}\n10.0.0.1 ${words(NEXT)}\n`);
  expect(rewrite(`Web01 ${words(OLD)}\n`, 'web01')).toBe(`web01 ${words(NEXT)}\n`);
  expect(rewrite(`[10.0.0.1]:2222 ${words(OLD)}\n`)).toContain(words(OLD));
});

test('of a line for several hosts only the one name goes, and the rest of the line stays as it is', () => {
  const text = `web01,10.0.0.1,10.0.0.2   ${words(OLD)}  of the three\r\n`;
  expect(rewrite(text)).toBe(`web01,10.0.0.2   ${words(OLD)}  of the three\r\n10.0.0.1 ${words(NEXT)}\n`);
});

test('what was known and is wanted stays where it stands, and is not written twice', () => {
  const text = `# mine\n10.0.0.1 ${words(NEXT)} by hand\n10.0.0.1 ${words(NEXT)}\n10.0.0.1 ${words(OLD)}\n`;
  expect(rewrite(text)).toBe(`# mine\n10.0.0.1 ${words(NEXT)} by hand\n`);
});

test('revoked keys, certificate authorities, patterns and comments stay, whatever place they are for', () => {
  const text = [
    '# 10.0.0.1 is the gateway',
    '',
    `@revoked 10.0.0.1 ${words(OTHER)}`,
    `@cert-authority 10.0.0.1 ${words(OTHER)}`,
    `10.0.0.*,!10.0.0.9 ${words(OTHER)}`,
    '',
  ].join('\n');
  expect(rewrite(text)).toBe(`${text}10.0.0.1 ${words(NEXT)}\n`);
});

test('a last line without its end is not continued', () => {
  expect(rewrite(`10.0.0.2 ${words(OLD)}`)).toBe(`10.0.0.2 ${words(OLD)}\n10.0.0.1 ${words(NEXT)}\n`);
});

test('whatever was known: the place is known by exactly its keys, and of every other nothing has changed', () => {
  const names = fc.constantFrom('10.0.0.1', '10.0.0.2', 'web01', hashed('10.0.0.1'), hashed('web01'));
  const lines = fc.array(
    fc.oneof(
      fc
        .tuple(fc.array(names, { minLength: 1, maxLength: 3 }), fc.constantFrom(OLD, NEXT, OTHER, RSA))
        .map(([some, key]) => `${some.join(',')} ${words(key)}`),
      fc.constantFrom('', '# 10.0.0.1', `@revoked 10.0.0.1 ${words(OTHER)}`),
    ),
    { maxLength: 8 },
  );
  const keys = fc.subarray([NEXT, OTHER, RSA], { minLength: 1 });
  const known = (text: string, place: string) =>
    new Set(parseKnownHosts(text, 'f').find(place).keys.map(words));
  fc.assert(
    fc.property(lines, keys, fc.boolean(), (some, wanted, hasEnd) => {
      const text = some.join('\n') + (hasEnd ? '\n' : '');
      const next = rewrite(text, '10.0.0.1', wanted);
      expect(known(next, '10.0.0.1')).toEqual(new Set(wanted.map(words)));
      for (const other of ['10.0.0.2', 'web01']) expect(known(next, other)).toEqual(known(text, other));
      const revoked = (of: string) => parseKnownHosts(of, 'f').find('10.0.0.1').revoked.length;
      expect(revoked(next)).toBe(revoked(text));
      // Done once more it changes nothing.
      expect(rewrite(next, '10.0.0.1', wanted)).toBe(next);
    }),
  );
});
