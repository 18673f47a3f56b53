import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Secret } from '../../src/inventory/secret.ts';
import { findKeyFault, readPrivateKey } from '../../src/ssh/login/keys/keys.ts';
import { HAS_SSHD, makeKeyPair, startSshd } from '../rigs/sshd.ts';
import { keyHost, openRig } from './rig.ts';

const pkcs8 = { type: 'pkcs8', format: 'pem' } as const;
const locked = { ...pkcs8, cipher: 'aes-256-cbc', passphrase: 'open sesame' } as const;
const MADE = {
  rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
  ecdsa: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
  ed25519: generateKeyPairSync('ed25519').privateKey,
};
const TYPES = ['rsa', 'ecdsa', 'ed25519'] as const;

/** As authorized_keys has it. */
function publicLine(text: string, passphrase?: string): string {
  const key = readPrivateKey(text, passphrase);
  if ('fault' in key) throw new Error(key.fault);
  return `${key.type} ${key.getPublicSSH().toString('base64')}`;
}

describe('a key file is checked by what will log in with it', () => {
  test.skipIf(!HAS_SSHD)('PKCS#8, plain and encrypted, of every type, logs in to a real sshd', async () => {
    const plain = TYPES.map((type) => MADE[type].export(pkcs8).toString());
    const secret = TYPES.map((type) => MADE[type].export(locked).toString());
    await using sshd = await startSshd({ authorizedKeys: plain.map((text) => publicLine(text)) });
    await using rig = await openRig();
    for (const [i, text] of plain.entries()) {
      expect(findKeyFault(text, undefined)).toBeUndefined();
      const host = keyHost(sshd, { name: `plain${i}`, privateKey: new Secret(text) });
      expect(await rig.run(host, 'true')).toMatchObject({ kind: 'ok', reason: '' });
    }
    for (const [i, text] of secret.entries()) {
      expect(findKeyFault(text, 'open sesame')).toBeUndefined();
      const login = { privateKey: new Secret(text), passphrase: new Secret('open sesame') };
      expect((await rig.run(keyHost(sshd, { name: `locked${i}`, ...login }), 'true')).kind).toBe('ok');
    }
  });

  test('a hundred ed25519 keys out of PKCS#8 are the keys that they were', () => {
    for (let i = 0; i < 100; i++) {
      const { privateKey, publicKey } = generateKeyPairSync('ed25519');
      const point = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
      const key = readPrivateKey(privateKey.export(pkcs8).toString(), undefined);
      if ('fault' in key) throw new Error(key.fault);
      expect(key.getPublicSSH().subarray(-32)).toEqual(point);
    }
  });

  test.each([
    ['a locked OpenSSH key', makeKeyPair('ed25519', 'open sesame').private],
    ['a locked PKCS#8 key', MADE.rsa.export(locked).toString()],
    ['a locked PEM key', MADE.rsa.export({ ...locked, type: 'pkcs1' }).toString()],
  ])('%s: without the passphrase, and with a wrong one', (_name, text) => {
    expect(findKeyFault(text, undefined)).toEqual({
      key: 'key',
      fault: 'it is encrypted, and the inventory has no passphrase',
    });
    expect(findKeyFault(text, 'close sesame')).toMatchObject({ key: 'passphrase' });
    expect(findKeyFault(text, 'open sesame')).toBeUndefined();
  });

  test.each([
    [
      'garbage between the marks',
      '-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n-----END OPENSSH PRIVATE KEY-----\n',
    ],
    ['half a file', makeKeyPair().private.slice(0, 150)],
    ['a type that is not for SSH', generateKeyPairSync('x25519').privateKey.export(pkcs8).toString()],
    ['PuTTY 3', 'PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n'],
    ['a broken public key', 'ssh-ed25519 AAAA\n'],
  ])('%s is found before any login, and nothing of it is quoted', (_name, text) => {
    const fault = findKeyFault(text, undefined);
    expect(fault?.key).toBe('key');
    expect(fault?.fault).not.toContain('c2VjcmV0');
  });

  test('the remedy for PuTTY and for odd files is a command that exists', () => {
    expect(findKeyFault('PuTTY-User-Key-File-3: x', undefined)?.fault).toContain(
      'puttygen FILE -O private-openssh',
    );
    expect(findKeyFault('-----BEGIN DSA PRIVATE KEY-----\n', undefined)?.fault).toContain(
      'ssh-keygen -p -f FILE',
    );
  });

  test.skipIf(!HAS_SSHD)('ssh-keygen -p writes a PEM key anew as one that is read', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'batchops-key-'));
    const file = join(folder, 'key');
    await writeFile(file, MADE.rsa.export({ type: 'pkcs1', format: 'pem' }), { mode: 0o600 });
    execFileSync('ssh-keygen', ['-p', '-f', file, '-P', '', '-N', ''], { stdio: 'ignore' });
    expect(findKeyFault(await readFile(file, 'utf8'), undefined)).toBeUndefined();
    await rm(folder, { recursive: true });
  });
});
