import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createMask } from '../../../src/gather/mask.ts';
import { findSecret } from '../../../src/gather/scan.ts';
import { renderHostFile } from '../../../src/thread/files/files.ts';
import { expectNothingAlive, expectWithinLimits, textsOf } from '../../report/limits.ts';
import { sampleJob, sampleOutcome, samplePlan, sampleRun } from '../../report/samples.ts';
import { openRig } from '../../store/rig.ts';
import { factsOf } from '../thread-rig.ts';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const utf8 = (text: string) => new TextEncoder().encode(text);
const KEY = `-----BEGIN PRIVATE KEY-----\n${'QUJDREVGR0hJSktMTU5PUFFS\n'.repeat(4)}-----END PRIVATE KEY-----\n`;
const mask = createMask(['hunter2!', KEY]);

async function offered(
  content: Uint8Array<ArrayBuffer>,
  path = 'shadow/web01/shadow',
  fetched: Uint8Array = content,
) {
  await using rig = await openRig();
  const facts = {
    ...factsOf(rig.store),
    readFetched: () => Promise.resolve(content),
    findSecret: (bytes: Uint8Array) => findSecret(bytes, mask),
  };
  const file = { path, bytes: content.length, sha256: sha256(fetched), verified: 'checksum' } as const;
  const plan = samplePlan({ work: { action: 'get', remote: '/etc/shadow', local: 'shadow' } });
  return await renderHostFile(facts, sampleRun({ plan }), sampleJob(sampleOutcome({ file })));
}

describe('a fetched file', () => {
  test('goes into the thread as it is', async () => {
    const content = utf8('nothing to see\n');
    expect(await offered(content)).toMatchObject({ content });
  });

  test('stays where it is where another has taken its name: a thread gets what its own run brought', async () => {
    const message = await offered(utf8('of another run'), 'x/web01/f', utf8('of this run'));
    if (message === undefined || 'filename' in message) throw new Error('it was offered');
    expect(textsOf(message).join('')).toContain('what lies there now is not what this run fetched.');
    expect(textsOf(message).join('')).not.toContain('It lies under this name');
  });

  test.each([
    ['a password of the inventory', `${'.'.repeat(128 * 1024 - 4)}hunter2!`],
    ['a private key of anybody', KEY.replace('QUJD', 'WHls')],
  ])('with %s as Windows writes text stays where it is, whichever byte comes first', async (_what, text) => {
    const little = Buffer.from(text, 'utf16le');
    for (const content of [little, Buffer.from(little).swap16(), Buffer.concat([Buffer.from('x'), little])]) {
      const message = await offered(new Uint8Array(content));
      expect(message !== undefined && 'filename' in message).toBe(false);
    }
  });

  test.each([
    ['a password of the inventory', 'root:hunter2!:1'],
    ['a line of a key of the inventory', 'x QUJDREVGR0hJSktMTU5PUFFS y'],
    ['one in the middle of megabytes', `${'.'.repeat(256 * 1024 - 3)}hunter2!${'.'.repeat(2_000_000)}`],
  ])('with %s in it stays where it is, and the thread says where', async (_what, text) => {
    const message = await offered(utf8(text), 'shadow/<!channel>/shadow');
    if (message === undefined || 'filename' in message) throw new Error('it was offered');
    expect(textsOf(message).join('')).toContain('shadow/<!channel>/shadow');
    expect(textsOf(message).join('')).toContain('holds a password, key or token');
    expectWithinLimits(message);
    expectNothingAlive(message, []);
  });

  test.each([
    ['PEM', '-----BEGIN RSA PRIVATE KEY-----\nTUlJRXBBSUJBQUtDQVFFQTdi\n-----END RSA PRIVATE KEY-----\n'],
    ['OpenSSH', '-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n'],
    ['PGP', '-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQOYBF\n-----END PGP PRIVATE KEY BLOCK-----\n'],
    ['PuTTY', 'PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nPrivate-Lines: 1\nAAAAIKxC\n'],
    ['any, across two pieces', `${'.'.repeat(256 * 1024 - 9)}-----BEGIN PRIVATE KEY-----\nQUJD\n`],
    ['any, behind megabytes', `${'. '.repeat(1_000_000)}\nPuTTY-User-Key-File-2: ssh-rsa\n`],
  ])(
    "with somebody's private key in it stays where it is, and the thread says where: %s",
    async (_what, text) => {
      const message = await offered(utf8(text), 'keys/web01/id');
      if (message === undefined || 'filename' in message) throw new Error('it was offered');
      expect(textsOf(message).join('')).toMatch(
        /keys\/web01\/id.*something in it begins as a private key does\. It lies under this name in the transfer folder/s,
      );
    },
  );

  test('with what is public goes into the thread: certificates, public keys, words about keys', async () => {
    const content = utf8(
      '-----BEGIN CERTIFICATE-----\nTUlJ\n-----END CERTIFICATE-----\nssh-ed25519 AAAAC3Nz a@b\n' +
        '---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\nPuTTY keys begin with PuTTY-User-Key\nPRIVATE KEY\n',
    );
    expect(await offered(content)).toMatchObject({ content });
  });

  test('is searched in pieces, and others get their turn between them', async () => {
    let turns = 0;
    let isOver = false;
    const turn = (): void => {
      turns += 1;
      if (!isOver) setImmediate(turn);
    };
    setImmediate(turn);
    expect(await findSecret(new Uint8Array(50 * 1024 * 1024), mask)).toBeUndefined();
    isOver = true;
    expect(turns).toBeGreaterThanOrEqual(190);
  });
});
