import type { Algorithms } from 'ssh2';
import { describe, expect, test } from 'vitest';
import type { Host } from '../../src/inventory/inventory.ts';
import { Secret } from '../../src/inventory/secret.ts';
import type { KeyPair } from '../../src/sandbox/fleet/key-pair.ts';
import { fingerprint } from '../../src/ssh/host-keys/known-hosts.ts';
import { readOpening } from '../../src/ssh/login/offer.ts';
import { startAgent } from '../rigs/ssh-agent.ts';
import { sayNoSignatures, startSshServer } from '../rigs/ssh-server.ts';
import { HAS_SSHD, makeKeyPair, startSshd } from '../rigs/sshd.ts';
import { keyHost, openRig, passwordHost } from './rig.ts';

/** As the inventory pins it. */
const pinOf = ({ public: line }: KeyPair) => fingerprint(Buffer.from(line.split(' ')[1] ?? '', 'base64'));

const OLD = /^ssh-rsa$|sha1|md5|cbc|zlib/;

/** What the bot says that it agrees to. */
async function offeredBy(legacy: boolean) {
  const said = Promise.withResolvers<Buffer>();
  await using server = await startSshServer({
    onSocket(socket) {
      const chunks: Buffer[] = [];
      socket.write('SSH-2.0-odd\r\n');
      socket.on('data', (chunk) => {
        chunks.push(chunk);
        if (readOpening(Buffer.concat(chunks)).offered.compression.length > 0) {
          said.resolve(Buffer.concat(chunks));
          socket.destroy();
        }
      });
      return true;
    },
  });
  await using rig = await openRig({ deadlines: { retryDelaysMs: [] } });
  await rig.run(passwordHost(server.port, legacy ? { legacy: true } : {}), 'true');
  return Object.entries(readOpening(await said.promise).offered);
}

describe('what is weak or in the way', () => {
  test('is offered to no host of which the inventory does not say `legacy = yes`', async () => {
    for (const [part, names] of await offeredBy(false)) {
      expect(names, part).not.toEqual([]);
      expect(
        names.filter((name) => OLD.test(name)),
        part,
      ).toEqual([]);
    }
  });

  test('is offered last to one of which it does', async () => {
    for (const [part, names] of await offeredBy(true)) {
      const own = names.filter((name) => !/^(ext-info-c|kex-strict-c-v00@openssh\.com)$/.test(name));
      const firstOld = own.findIndex((name) => OLD.test(name));
      expect(firstOld, part).toBeGreaterThan(0);
      expect(
        own.slice(firstOld).filter((name) => !OLD.test(name)),
        part,
      ).toEqual([]);
    }
  });

  test.each<[string, Algorithms]>([
    ['diffie-hellman-group14-sha1 (key exchange)', { kex: ['diffie-hellman-group14-sha1'] }],
    ['diffie-hellman-group1-sha1 (key exchange)', { kex: ['diffie-hellman-group1-sha1'] }],
    ['ssh-rsa (host key)', { serverHostKey: ['ssh-rsa'] }],
    ['aes128-cbc (cipher)', { cipher: ['aes128-cbc'] }],
    ['3des-cbc (cipher)', { cipher: ['3des-cbc'] }],
    ['hmac-sha1 (MAC)', { cipher: ['aes128-ctr'], hmac: ['hmac-sha1'] }],
    ['hmac-md5 (MAC)', { cipher: ['aes128-ctr'], hmac: ['hmac-md5'] }],
    ['zlib@openssh.com (compression)', { compress: ['zlib@openssh.com'] }],
    [
      'diffie-hellman-group14-sha1 (key exchange), aes256-cbc, aes128-cbc (cipher), hmac-sha1 (MAC)',
      { kex: ['diffie-hellman-group14-sha1'], cipher: ['aes128-cbc', 'aes256-cbc'], hmac: ['hmac-sha1'] },
    ],
  ])('is named where a host has nothing else, with the key that allows it: %s', async (what, algorithms) => {
    await using server = await startSshServer({ algorithms, hostKeys: [makeKeyPair('rsa')] });
    await using rig = await openRig();
    const host = passwordHost(server.port);
    expect(await rig.run(host, 'true')).toMatchObject({
      kind: 'unreachable',
      reason: `127.0.0.1:${server.port} offers only ${what}; \`legacy = yes\` allows them`,
    });
    expect(server.dials()).toBe(1);
    expect(server.logins).toEqual([]);
    expect((await rig.run({ ...host, legacy: true }, 'true')).kind).toBe('ok');
  });

  test('is no reason where the host has something better for it', async () => {
    // A cipher that is its own MAC asks for none.
    await using server = await startSshServer({
      algorithms: { cipher: ['aes128-gcm@openssh.com'], hmac: ['hmac-sha1'] },
    });
    await using rig = await openRig();
    expect((await rig.run(passwordHost(server.port), 'true')).kind).toBe('ok');
  });

  test('of a pinned RSA key is what its signatures are, and the other keys of the host are none instead', async () => {
    const rsa = makeKeyPair('rsa');
    const hostKeys = [makeKeyPair('ed25519'), rsa];
    const hostKey = pinOf(rsa);
    const signing = (serverHostKey: Algorithms['serverHostKey']) =>
      startSshServer({ hostKeys, algorithms: serverHostKey === undefined ? {} : { serverHostKey } });
    await using rig = await openRig();
    await using old = await signing(['ssh-ed25519', 'ssh-rsa']);
    const refused = await rig.run(passwordHost(old.port, { hostKey }), 'true');
    expect(refused.kind).not.toBe('ok');
    expect(refused.reason).toMatch(/ssh-rsa \(signatures of its RSA key\); `legacy = yes` allows them/);
    expect((await rig.run(passwordHost(old.port, { hostKey, legacy: true }), 'true')).kind).toBe('ok');
    // Where it signs with better, that is no reason, and `legacy` is not needed.
    await using modern = await signing(['ssh-ed25519', 'rsa-sha2-256', 'ssh-rsa']);
    expect((await rig.run(passwordHost(modern.port, { hostKey }), 'true')).kind).toBe('ok');
    // Under `legacy` too, it is this key and no other.
    const other = pinOf(makeKeyPair('rsa'));
    expect((await rig.run(passwordHost(old.port, { hostKey: other, legacy: true }), 'true')).kind).toBe(
      'host-key-failed',
    );
  });

  test.each<[string, Algorithms]>([
    ['compression', { compress: ['zlib'] }],
    ['key exchange algorithm', { kex: ['diffie-hellman-group-exchange-sha1'], cipher: ['aes128-cbc'] }],
  ])('is not promised to help where it would not: %s', async (what, algorithms) => {
    await using server = await startSshServer({ algorithms });
    await using rig = await openRig();
    const host = passwordHost(server.port);
    const reason = `127.0.0.1:${server.port} and the bot have no ${what} in common`;
    expect(await rig.run(host, 'true')).toMatchObject({ kind: 'unreachable', reason });
    expect(await rig.run({ ...host, legacy: true }, 'true')).toMatchObject({ kind: 'unreachable', reason });
  });
});

describe('a host that does not say what signatures it takes', () => {
  const key = makeKeyPair('rsa');
  const signs = () => {
    const algorithms: string[] = [];
    const server = startSshServer({
      offers: ['publickey'],
      onConnection: sayNoSignatures,
      onLogin(context, offers) {
        if (context.method !== 'publickey') return context.reject(offers);
        if (context.signature !== undefined)
          algorithms.push(`${context.key.algo} ${context.hashAlgo ?? 'sha1'}`);
        context.accept();
      },
    });
    return { server, algorithms };
  };
  const loginWith = (port: number, more: Partial<Host>): Host => {
    const { password: _, ...bare } = passwordHost(port);
    return { ...bare, ...more };
  };
  const REASON =
    'names no signatures of an RSA key that it takes but those with SHA-1 (ssh-rsa); `legacy = yes` allows them, and a key of another type does without';

  test('gets none with SHA-1 of a key file, and is told why', async () => {
    const { server: starting, algorithms } = signs();
    await using server = await starting;
    await using rig = await openRig();
    const host = loginWith(server.port, { privateKey: new Secret(key.private) });
    expect(await rig.run(host, 'true')).toMatchObject({
      kind: 'auth-failed',
      reason: `ops@127.0.0.1:${server.port}: the host ${REASON}`,
    });
    expect(algorithms).toEqual([]);
    expect((await rig.run({ ...host, legacy: true }, 'true')).kind).toBe('ok');
    expect(algorithms).toEqual(['ssh-rsa sha1']);
  });

  test.skipIf(!HAS_SSHD)('gets none with SHA-1 from an agent, which is not blamed for it', async () => {
    const { server: starting, algorithms } = signs();
    await using server = await starting;
    await using agent = await startAgent(key);
    await using rig = await openRig();
    const host = loginWith(server.port, { agent: agent.socket });
    expect(await rig.run(host, 'true')).toMatchObject({
      kind: 'auth-failed',
      reason: `ops@127.0.0.1:${server.port} was refused with the keys of the agent; the host ${REASON}; the host offers publickey`,
    });
    expect(algorithms).toEqual([]);
    expect((await rig.run({ ...host, legacy: true }, 'true')).kind).toBe('ok');
  });
});

describe.skipIf(!HAS_SSHD)('a real sshd of the old ways', () => {
  test('is refused by name, and served with `legacy = yes`', async () => {
    await using sshd = await startSshd({
      hostKeys: [makeKeyPair('rsa')],
      config: [
        'KexAlgorithms diffie-hellman-group14-sha1',
        'HostKeyAlgorithms ssh-rsa',
        'Ciphers aes128-cbc',
        'MACs hmac-sha1',
      ],
    });
    await using rig = await openRig();
    expect(await rig.run(keyHost(sshd), 'true')).toMatchObject({
      kind: 'unreachable',
      reason: `127.0.0.1:${sshd.port} offers only diffie-hellman-group14-sha1 (key exchange), ssh-rsa (host key), aes128-cbc (cipher), hmac-sha1 (MAC); \`legacy = yes\` allows them`,
    });
    expect(await rig.run(keyHost(sshd, { legacy: true }), 'echo hi')).toMatchObject({
      kind: 'ok',
      stdout: { head: 'hi\n' },
    });
  });
});
