import { createHmac, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fingerprint, type KnownKey, parseKnownHosts } from '../../../src/ssh/host-keys/known-hosts.ts';
import { KnownHostsFile } from '../../../src/ssh/host-keys/known-hosts-file.ts';

function keyOf(n: number): KnownKey {
  const part = (bytes: Buffer) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
  };
  const point = Buffer.alloc(32);
  point.writeUInt32BE(n);
  return { type: 'ssh-ed25519', blob: Buffer.concat([part(Buffer.from('ssh-ed25519')), part(point)]) };
}

function hashed(name: string, salt = randomBytes(20)): string {
  return `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`;
}

const addressOf = (n: number): string => `10.0.${n >> 8}.${n & 255}`;
const lineOf = (name: string, key: KnownKey): string =>
  `${name} ${key.type} ${key.blob.toString('base64')}\n`;

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

/** How long nobody else had a turn, at the longest, while `work` went on: in ms of CPU, as the machine may be busy. */
async function longestSlice(work: () => Promise<unknown>): Promise<number> {
  let longest = 0;
  let before = cpuMs();
  let isOver = false;
  const turn = (): void => {
    const now = cpuMs();
    longest = Math.max(longest, now - before);
    before = now;
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  await work();
  isOver = true;
  return longest;
}

test('a place is found in hashed lines whatever the salt is, and in no other', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.string({ maxLength: 80 }), (salt, text) => {
      const name = text.toLowerCase();
      const known = parseKnownHosts(lineOf(hashed(name, Buffer.from(salt)), keyOf(1)), 'f');
      expect(known.find(name).keys).toHaveLength(1);
      expect(known.find(`${name}x`).keys).toHaveLength(0);
    }),
  );
});

test('4,000 hashed lines, and new keys of 40 of their places: others have their turn meanwhile, and all is written', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'batchops-hashed-'));
  try {
    const path = join(folder, 'known_hosts');
    const lines = Array.from({ length: 4_000 }, (_, n) => lineOf(hashed(addressOf(n)), keyOf(n)));
    writeFileSync(path, lines.join(''));
    const file = new KnownHostsFile(path, async () => {});
    // Nothing but what is measured goes on meanwhile: the first use of a matcher is long work too.
    const replacements = Array.from({ length: 40 }, (_, n) => n * 100).map((n) => {
      const known = [fingerprint(keyOf(n).blob)];
      return { name: addressOf(n), known, keys: [keyOf(100_000 + n)] };
    });
    const slices = {
      read: await longestSlice(() => file.readAgain()),
      look: await longestSlice(() =>
        Promise.all(Array.from({ length: 10 }, (_, n) => file.look(addressOf(2_000 + n)))),
      ),
    };
    expect(file.keysOf(addressOf(2_007))).toEqual([keyOf(2_007)]);
    const replace = await longestSlice(() => file.replace(replacements, async () => {}));
    const written = readFileSync(path, 'utf8').split('\n');
    expect(written).toHaveLength(4_001);
    expect(written.slice(-41, -1)).toEqual(
      Array.from({ length: 40 }, (_, n) => lineOf(addressOf(n * 100), keyOf(100_000 + n * 100)).trimEnd()),
    );
    expect(written[0]).toBe(lines[1]?.trimEnd());
    // Five are meant; eight were measured with 10,000 lines, where all of it at once was 14 s.
    for (const [what, ms] of Object.entries({ ...slices, replace })) expect(ms, what).toBeLessThan(20);
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 60_000);
