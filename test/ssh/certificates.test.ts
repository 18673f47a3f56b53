import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Host } from '../../src/inventory/inventory.ts';
import { Secret } from '../../src/inventory/secret.ts';
import type { KeyPair } from '../../src/sandbox/fleet/key-pair.ts';
import { readCertificate } from '../../src/ssh/login/keys/certificate.ts';
import { nameSignature } from '../../src/ssh/login/keys/certified-key.ts';
import { findCertificateFault } from '../../src/ssh/login/keys/keys.ts';
import { type Authority, startAuthority } from '../rigs/certificates.ts';
import { startAgent } from '../rigs/ssh-agent.ts';
import { HAS_SSHD, makeKeyPair, type Sshd, startSshd } from '../rigs/sshd.ts';
import { keyHost, openRig } from './rig.ts';

describe.skipIf(!HAS_SSHD)(
  'a certificate of a user’s key, at an sshd that trusts its CA and knows no key',
  () => {
    let authority: Authority;
    let sshd: Sshd;
    const principals = () => ['-n', sshd.user];

    beforeAll(async () => {
      authority = await startAuthority();
      sshd = await startSshd({
        config: [`TrustedUserCAKeys ${authority.file}`, 'AuthorizedKeysFile none'],
      });
      return async () => {
        await sshd[Symbol.asyncDispose]();
        await authority[Symbol.asyncDispose]();
      };
    });

    async function hostWith(
      key: KeyPair,
      options: readonly string[],
      more: Partial<Host> = {},
    ): Promise<Host> {
      const certificate = await authority.sign(key, options);
      return keyHost(sshd, { privateKey: new Secret(key.private), certificate, ...more });
    }

    test.each(['ed25519', 'ecdsa', 'rsa'] as const)('lets in with a key of type %s', async (type) => {
      await using rig = await openRig();
      // Of an ecdsa signature the numbers differ in length from one time to the next.
      for (let i = 0; i < (type === 'ecdsa' ? 6 : 1); i++) {
        const host = await hostWith(makeKeyPair(type), principals(), { name: `web${i}` });
        expect(await rig.run(host, 'echo in')).toMatchObject({ kind: 'ok', stdout: { head: 'in\n' } });
      }
      // Whatever goes over the same connection afterwards is written as ever.
      const host = await hostWith(makeKeyPair(type), principals(), { name: 'again' });
      for (let i = 0; i < 3; i++) expect(await rig.run(host, `exit ${i}`)).toMatchObject({ exitCode: i });
    });

    test('with the widest curve, whose signature has another form of length', async () => {
      const key = ssh2.utils.generateKeyPairSync('ecdsa', { bits: 521 });
      await using rig = await openRig();
      for (let i = 0; i < 3; i++) {
        expect(await rig.run(await hostWith(key, principals(), { name: `w${i}` }), 'true')).toMatchObject({
          kind: 'ok',
        });
      }
    });

    test('the same key without it is not let in', async () => {
      const { certificate: _, ...host } = await hostWith(makeKeyPair(), principals());
      await using rig = await openRig();
      expect(await rig.run(host, 'true')).toMatchObject({ kind: 'auth-failed' });
    });

    test.each(['ed25519', 'ecdsa', 'rsa'] as const)('of a key that an agent has, type %s', async (type) => {
      const key = makeKeyPair(type);
      await using agent = await startAgent(makeKeyPair(), key);
      const { privateKey: _, ...host } = await hostWith(key, principals(), { agent: agent.socket });
      await using rig = await openRig();
      expect(await rig.run(host, 'true')).toMatchObject({ kind: 'ok', reason: '' });
      await using other = await startAgent(makeKeyPair());
      const outcome = await rig.run({ ...host, name: 'other', agent: other.socket }, 'true');
      expect(outcome).toMatchObject({
        kind: 'auth-failed',
        reason: expect.stringContaining(
          'the agent has 1 keys, and the one that is to be used is not among them',
        ),
      });
    });

    test('where it is over, not begun, or for somebody else, the refusal says so from the file itself', async () => {
      await using rig = await openRig();
      const reasonOf = async (name: string, options: readonly string[]) => {
        const outcome = await rig.run(await hostWith(makeKeyPair(), options, { name }), 'true');
        expect(outcome.kind).toBe('auth-failed');
        return outcome.reason;
      };
      expect(await reasonOf('over', [...principals(), '-V', '20200101Z:20200102Z'])).toContain(
        'was refused with the certificate of the key; by its own dates it ended at 2020-01-02T00:00:00Z; the host offers',
      );
      expect(await reasonOf('early', [...principals(), '-V', '20900101Z:20900102Z'])).toContain(
        '; by its own dates it begins at 2090-01-01T00:00:00Z',
      );
      expect(await reasonOf('stranger', ['-n', 'anna,otto'])).toContain(
        `; it is for anna, otto, and ${sshd.user} is none of them`,
      );
    });

    test('of a CA that the host does not trust: auth-failed, and nothing is made up about why', async () => {
      await using stranger = await startAuthority();
      const key = makeKeyPair();
      const certificate = await stranger.sign(key, principals());
      await using rig = await openRig();
      const outcome = await rig.run(
        keyHost(sshd, { privateKey: new Secret(key.private), certificate }),
        'true',
      );
      expect(outcome.kind).toBe('auth-failed');
      expect(outcome.reason).toMatch(
        /was refused with the certificate of the key; the host offers publickey$/,
      );
    });

    test('a host certificate, another key’s, a broken or cut one, or anything else, is found when it is read', async () => {
      const key = makeKeyPair();
      const text = await authority.sign(key, principals());
      const other = makeKeyPair();
      expect(findCertificateFault(text, key.private, undefined)).toBeUndefined();
      expect(findCertificateFault(text, key.public, undefined)).toBeUndefined();
      expect(findCertificateFault(text, undefined, undefined)).toBeUndefined();
      expect(findCertificateFault(text, other.private, undefined)).toBe(
        'it is the certificate of another key',
      );
      expect(findCertificateFault(text, `SHA256:${'A'.repeat(43)}`, undefined)).toBe(
        'it is the certificate of another key',
      );
      expect(readCertificate(await authority.sign(key, ['-h', '-n', 'web01']))).toBe(
        'it is the certificate of a host; one for users is needed',
      );
      expect(readCertificate(key.public)).toContain('no certificate');
      expect(readCertificate(key.private)).toContain('holds a private key');
      expect(readCertificate('')).toContain('no certificate');
      const [name = '', base64 = ''] = text.split(' ');
      for (let length = 0; length < base64.length; length += 40) {
        expect(readCertificate(`${name} ${base64.slice(0, length)}`)).toContain('it is broken');
      }
      expect(readCertificate(`${name} ${'A'.repeat(40_000)}`)).toContain('larger');
    });

    test('what it says stands in it: for whom, from when and until when', async () => {
      const text = await authority.sign(makeKeyPair('rsa'), ['-n', 'a,b', '-V', '20300101Z:20300201Z']);
      expect(readCertificate(text)).toMatchObject({
        keyType: 'ssh-rsa',
        principals: ['a', 'b'],
        validFrom: Date.UTC(2030, 0, 1),
        validUntil: Date.UTC(2030, 1, 1),
      });
      expect(readCertificate(await authority.sign(makeKeyPair(), principals()))).toMatchObject({
        validUntil: Number.POSITIVE_INFINITY,
      });
    });

    test('known_hosts that names a CA makes no host known: nothing but its own key does', async () => {
      await using rig = await openRig({ policy: 'strict' });
      const line = `@cert-authority * ${sshd.hostKeys[0]?.public}\n`;
      await writeFile(join(rig.folder, 'known_hosts'), line);
      expect(await rig.run(keyHost(sshd), 'true')).toMatchObject({ kind: 'host-key-failed' });
    });
  },
);

test('a library that writes its packets elsewhere gets no signature', async () => {
  const client = new ssh2.Client();
  Reflect.set(client, '_protocol', { _packetRW: { write: {} } });
  const certificate = { keyType: 'ssh-ed25519' } as never;
  expect(nameSignature(client, certificate)?.message).toBe('this ssh2 writes its packets elsewhere');
});

describe.skipIf(!HAS_SSHD)('one key of an agent', () => {
  test('is named by its fingerprint, and no other is offered', async () => {
    const keys = Array.from({ length: 8 }, () => makeKeyPair());
    const wanted = keys[7] ?? makeKeyPair();
    await using sshd = await startSshd({ authorizedKeys: keys.map((key) => key.public) });
    await using agent = await startAgent(...keys);
    await using rig = await openRig();
    const { privateKey: _, ...host } = keyHost(sshd, { agent: agent.socket });
    const parsed = ssh2.utils.parseKey(wanted.public);
    if (parsed instanceof Error) throw parsed;
    const { createHash } = await import('node:crypto');
    const print = createHash('sha256').update(parsed.getPublicSSH()).digest('base64').replace(/=+$/, '');
    expect(await rig.run({ ...host, agentKey: `SHA256:${print}` }, 'true')).toMatchObject({ kind: 'ok' });
    const outcome = await rig.run({ ...host, name: 'b', agentKey: `SHA256:${'A'.repeat(43)}` }, 'true');
    expect(outcome).toMatchObject({
      kind: 'auth-failed',
      reason: expect.stringContaining(
        'the agent has 8 keys, and the one that is to be used is not among them',
      ),
    });
  });
});
