import { createHmac } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { HostKeyPolicy } from '../../../src/run/host-key.ts';
import type { KeyPair } from '../../../src/sandbox/fleet/key-pair.ts';
import { openHostKeys } from '../../../src/ssh/host-keys/host-keys.ts';
import { fingerprint, parseKnownHosts } from '../../../src/ssh/host-keys/known-hosts.ts';
import { startSshServer } from '../../rigs/ssh-server.ts';
import { HAS_SSHD, makeKeyPair, startSshd } from '../../rigs/sshd.ts';
import { contactOf, keyHost, openRig, passwordHost, unrecorded } from '../rig.ts';

function blobOf(key: KeyPair): Buffer {
  const parsed = ssh2.utils.parseKey(key.public);
  if (parsed instanceof Error) throw parsed;
  return parsed.getPublicSSH();
}

const words = (key: KeyPair) => key.public.split(' ').slice(0, 2).join(' ');

describe('reading known_hosts', () => {
  const a = makeKeyPair();
  const b = makeKeyPair();
  const knows = (text: string, name: string) =>
    parseKnownHosts(text, 'known_hosts')
      .find(name)
      .keys.map((key) => (key.blob.equals(blobOf(a)) ? 'a' : 'b'));

  test('names, lists of names, ports, comments and empty lines', () => {
    const text = `# hosts\n\nweb01,10.0.0.1 ${words(a)} a comment\n[10.0.0.1]:2222 ${words(b)}\r\n`;
    expect(knows(text, 'web01')).toEqual(['a']);
    expect(knows(text, '10.0.0.1')).toEqual(['a']);
    expect(knows(text, '[10.0.0.1]:2222')).toEqual(['b']);
    expect(knows(text, 'WEB01')).toEqual(['a']);
    expect(knows(text, '10.0.0.10')).toEqual([]);
  });

  test('hashed names', () => {
    const salt = Buffer.from('0123456789abcdefghij');
    const hash = createHmac('sha1', salt).update('[10.0.0.1]:2222').digest('base64');
    const text = `|1|${salt.toString('base64')}|${hash} ${words(a)}\n`;
    expect(knows(text, '[10.0.0.1]:2222')).toEqual(['a']);
    expect(knows(text, '10.0.0.1')).toEqual([]);
  });

  test('patterns, and what they leave out', () => {
    const text = `*.example.com,!db?.example.com ${words(a)}\n`;
    expect(knows(text, 'web.example.com')).toEqual(['a']);
    expect(knows(text, 'db1.example.com')).toEqual([]);
    expect(knows(text, 'webXexample.com')).toEqual([]);
  });

  test('revoked keys are known as such, certificates are nothing', () => {
    const text = `@revoked * ${words(a)}\n@cert-authority * ${words(b)}\n`;
    const known = parseKnownHosts(text, 'f').find('anything');
    expect(known.keys).toEqual([]);
    expect(known.revoked.map((key) => key.blob)).toEqual([blobOf(a)]);
  });

  test.each([
    'web01',
    'web01 ssh-ed25519',
    'web01 ssh-ed25519 %%%',
    'web01 ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIA==',
    `@trusted web01 ${words(a)}`,
    `web01 ${words(a).slice(0, 20)}`,
  ])('a line that cannot be read is no line to pass over: %s', (line) => {
    expect(() => parseKnownHosts(`# ok\n${line}\n`, 'known_hosts')).toThrow('known_hosts:2: ');
  });

  test.skipIf(!HAS_SSHD)('a fingerprint reads as ssh-keygen prints it', async () => {
    const { execFileSync } = await import('node:child_process');
    const printed = execFileSync('ssh-keygen', ['-lf', '-'], { input: a.public }).toString();
    expect(printed).toContain(fingerprint(blobOf(a)));
  });
});

describe('trusting a host', () => {
  let folder: string;
  let file: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'batchops-keys-'));
    file = join(folder, 'deep', 'known_hosts');
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const keysFor = (policy: HostKeyPolicy) => openHostKeys(file, policy, unrecorded);
  const put = async (text: string) => {
    file = join(folder, 'known_hosts');
    await writeFile(file, text);
  };

  test('accept-new writes a first key down, and refuses another one from then on', async () => {
    await using server = await startSshServer();
    await using rig = await openRig({ hostKeys: await keysFor('accept-new') });
    expect((await rig.run(passwordHost(server.port), 'true')).kind).toBe('ok');
    const [key = makeKeyPair()] = server.hostKeys;
    expect(await readFile(file, 'utf8')).toBe(`[127.0.0.1]:${server.port} ${words(key)}\n`);

    // Read by another process too.
    const other = makeKeyPair();
    const check = await (await keysFor('accept-new')).look(passwordHost(server.port), contactOf());
    expect(check.judge(blobOf(key))).toBeNull();
    expect(check.judge(blobOf(other))).toContain('host key changed');
    expect(check.types).toEqual(['ssh-ed25519']);
  });

  test('a changed key stops before any secret is sent, with both fingerprints and the remedy', async () => {
    const known = makeKeyPair();
    await using server = await startSshServer();
    await put(`[127.0.0.1]:${server.port} ${words(known)}\n`);
    await using rig = await openRig({ hostKeys: await keysFor('accept-new') });
    const outcome = await rig.run(passwordHost(server.port), 'true');
    const [offered = known] = server.hostKeys;
    expect(outcome.kind).toBe('host-key-failed');
    expect(outcome.reason).toContain(
      `known ${fingerprint(blobOf(known))} (ssh-ed25519), offered ${fingerprint(blobOf(offered))} (ssh-ed25519)`,
    );
    expect(outcome.reason).toContain('if the host was reinstalled, `/batch trust web01` shows both');
    expect(server.logins).toEqual([]);
    expect(server.commands).toEqual([]);
  });

  test('strict refuses what it does not know; off takes anything, and writes nothing', async () => {
    await using server = await startSshServer();
    await using strict = await openRig({ hostKeys: await keysFor('strict') });
    expect((await strict.run(passwordHost(server.port), 'true')).reason).toContain('host key not known');
    await using off = await openRig({ hostKeys: await keysFor('off') });
    expect((await off.run(passwordHost(server.port), 'true')).kind).toBe('ok');
    await expect(readFile(file)).rejects.toThrow('ENOENT');
  });

  test('a pinned fingerprint stands above the file and the policy', async () => {
    await using server = await startSshServer();
    const [key = makeKeyPair()] = server.hostKeys;
    await put(`[127.0.0.1]:${server.port} ${words(makeKeyPair())}\n`);
    for (const policy of ['strict', 'off'] as const) {
      await using rig = await openRig({ hostKeys: await keysFor(policy) });
      const host = passwordHost(server.port, { hostKey: fingerprint(blobOf(key)) });
      expect((await rig.run(host, 'true')).kind).toBe('ok');
      const wrong = passwordHost(server.port, { name: 'b', hostKey: fingerprint(blobOf(makeKeyPair())) });
      expect((await rig.run(wrong, 'true')).kind).toBe('host-key-failed');
    }
  });

  test('a revoked key is refused, also as a first one', async () => {
    await using server = await startSshServer();
    const [key = makeKeyPair()] = server.hostKeys;
    await put(`@revoked * ${words(key)}\n`);
    await using rig = await openRig({ hostKeys: await keysFor('accept-new') });
    expect((await rig.run(passwordHost(server.port), 'true')).reason).toContain('host key revoked');
  });

  test.skipIf(!HAS_SSHD)('a host with several keys is asked for the one it is known by', async () => {
    const keys = [makeKeyPair('ed25519'), makeKeyPair('ecdsa'), makeKeyPair('rsa')];
    await using sshd = await startSshd({ hostKeys: keys });
    for (const key of keys) {
      await put(`[127.0.0.1]:${sshd.port} ${words(key)}\n`);
      await using rig = await openRig({ hostKeys: await keysFor('strict') });
      expect((await rig.run(keyHost(sshd), 'true')).kind).toBe('ok');
    }
  });

  test("the check asks for the key that it knows: a pin of any of a host's keys finds that key", async () => {
    const keys = [makeKeyPair('ed25519'), makeKeyPair('ecdsa'), makeKeyPair('rsa')];
    for (const key of keys) {
      await using server = await startSshServer({ hostKeys: keys });
      await using rig = await openRig({ hostKeys: await keysFor('strict') });
      const pinned = (name: string) => passwordHost(server.port, { name, hostKey: fingerprint(blobOf(key)) });
      expect((await rig.run(pinned('a'), 'true')).kind).toBe('ok');
      const dials = server.dials();
      expect(dials).toBeLessThanOrEqual(3);
      // Its type is known by now.
      expect((await rig.run(pinned('b'), 'true')).kind).toBe('ok');
      expect(server.dials()).toBe(dials + 1);
      expect(server.logins).toEqual(['none', 'password', 'none', 'password']);
    }
  });

  test('a pin whose type known_hosts tells is asked for at once', async () => {
    const keys = [makeKeyPair('ed25519'), makeKeyPair('rsa')];
    const [, rsa = makeKeyPair('rsa')] = keys;
    await using server = await startSshServer({ hostKeys: keys });
    await put(`[127.0.0.1]:${server.port} ${words(rsa)}\n`);
    await using rig = await openRig({ hostKeys: await keysFor('strict') });
    const host = passwordHost(server.port, { hostKey: fingerprint(blobOf(rsa)) });
    expect((await rig.run(host, 'true')).kind).toBe('ok');
    expect(server.dials()).toBe(1);
  });

  test('a pin that none of the keys has: each was asked for, no secret was sent, and the types are named', async () => {
    const keys = [makeKeyPair('ed25519'), makeKeyPair('rsa')];
    await using server = await startSshServer({ hostKeys: keys });
    await using rig = await openRig({ hostKeys: await keysFor('accept-new') });
    const hostKey = fingerprint(blobOf(makeKeyPair()));
    const outcome = await rig.run(passwordHost(server.port, { hostKey }), 'true');
    expect(outcome.kind).toBe('host-key-failed');
    expect(outcome.reason).toContain(`pinned ${hostKey}, offered SHA256:`);
    expect(outcome.reason).toMatch(/; the host has keys of type ssh-ed25519, ssh-rsa$/);
    expect(server.dials()).toBe(2);
    expect(server.logins).toEqual([]);
  });

  test('a known key that the host no longer has is a change, and is not asked around for', async () => {
    const known = makeKeyPair('rsa');
    await using server = await startSshServer({ hostKeys: [makeKeyPair('ed25519'), makeKeyPair('ecdsa')] });
    await put(`[127.0.0.1]:${server.port} ${words(known)}\n`);
    await using rig = await openRig({ hostKeys: await keysFor('accept-new') });
    const { kind, reason } = await rig.run(passwordHost(server.port), 'true');
    expect(kind).toBe('host-key-failed');
    expect(reason).toContain(`known ${fingerprint(blobOf(known))} (ssh-rsa), offered`);
    expect(reason).toContain('the host has keys of type ssh-ed25519, ecdsa-sha2-nistp256');
    expect(server.dials()).toBe(1);
  });

  test('a file that cannot be read or understood trusts nobody', async () => {
    await put('this is no line\n');
    await expect(keysFor('accept-new')).rejects.toThrow('known_hosts:1: ');
    await put('');
    await using server = await startSshServer();
    await using rig = await openRig({ hostKeys: await keysFor('accept-new') });
    await writeFile(file, 'half a li');
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    const outcome = await rig.run(passwordHost(server.port), 'true');
    expect(outcome).toMatchObject({ kind: 'host-key-failed' });
    expect(outcome.reason).toContain('known_hosts:1: ');
    expect(server.logins).toEqual([]);
  });

  test('a file that cannot be read ends the start', async () => {
    await mkdir(file, { recursive: true });
    await expect(keysFor('strict')).rejects.toThrow('EISDIR');
  });

  test('a first key that cannot be written down is not trusted', async () => {
    await using server = await startSshServer();
    await writeFile(join(folder, 'deep'), 'a file where a folder is needed');
    const hostKeys = await keysFor('off');
    await expect(keysFor('accept-new')).rejects.toThrow('cannot be read');
    await rm(join(folder, 'deep'));
    const keys = await keysFor('accept-new');
    await writeFile(join(folder, 'deep'), 'a file where a folder is needed');
    await using rig = await openRig({ hostKeys: keys });
    expect((await rig.run(passwordHost(server.port), 'true')).kind).toBe('host-key-failed');
    expect(server.logins).not.toContain('password');
    expect(hostKeys).toBeDefined();
  });

  test('many first keys at once each get their line, and two for one place cannot both be right', async () => {
    const keys = await keysFor('accept-new');
    const key = blobOf(makeKeyPair());
    const accepted = await Promise.all(
      Array.from({ length: 50 }, async (_, i) =>
        (await keys.look(passwordHost(2000 + i), contactOf())).accept(key),
      ),
    );
    expect(accepted.every((reason) => reason === null)).toBe(true);
    expect((await readFile(file, 'utf8')).trimEnd().split('\n')).toHaveLength(50);

    const other = blobOf(makeKeyPair());
    const [one, two] = await Promise.all(
      [key, other].map(async (offered) => (await keys.look(passwordHost(3000), contactOf())).accept(offered)),
    );
    expect([one, two].filter((reason) => reason === null)).toHaveLength(1);
    expect(`${one}${two}`).toContain('host key changed');
  });

  test('a line that an editor left open is not continued', async () => {
    await put(`web01 ${words(makeKeyPair())}`);
    const keys = await keysFor('accept-new');
    const key = makeKeyPair();
    await (await keys.look(passwordHost(2001), contactOf())).accept(blobOf(key));
    expect((await readFile(file, 'utf8')).split('\n')[1]).toBe(`[127.0.0.1]:2001 ${words(key)}`);
  });
});
