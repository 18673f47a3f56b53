import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { FirstKey, HostKeyPolicy } from '../../../src/run/host-key.ts';
import type { KeyPair } from '../../../src/sandbox/fleet/key-pair.ts';
import { openHostKeys } from '../../../src/ssh/host-keys/host-keys.ts';
import { fingerprint } from '../../../src/ssh/host-keys/known-hosts.ts';
import { startSshServer } from '../../rigs/ssh-server.ts';
import { openRig, passwordHost, unrecorded } from '../rig.ts';

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'batchops-first-'));
  file = join(folder, 'known_hosts');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function printOf(key: KeyPair | undefined): string {
  const parsed = ssh2.utils.parseKey(key?.public ?? '');
  if (parsed instanceof Error) throw parsed;
  return fingerprint(parsed.getPublicSSH());
}

test.each([
  ['ask', 'host-key-failed', 'refused', '`/batch trust web01` shows it and asks whether to trust it'],
  ['strict', 'host-key-failed', 'refused', 'known_hosts or pin it in the inventory'],
  ['accept-new', 'ok', 'believed', ''],
  ['off', 'ok', 'unchecked', ''],
] as const)(
  'under %s a first key is told with its fingerprint, and ends %s',
  async (policy, kind, how, why) => {
    await using server = await startSshServer();
    await using rig = await openRig({ hostKeys: await openHostKeys(file, policy, unrecorded), idleMs: 0 });
    const host = passwordHost(server.port);
    const first = await rig.run(host, 'true');
    expect(first.kind).toBe(kind);
    expect(first.reason).toContain(why);
    const key = { host: 'web01', type: 'ssh-ed25519', fingerprint: printOf(server.hostKeys[0]), how };
    expect(first.firstKeys).toEqual([key]);
    // Not even who would log in.
    if (kind !== 'ok') expect(server.logins).toEqual([]);
    // What is known, or was told, is not told again; what is refused is.
    expect((await rig.run(host, 'true')).firstKeys).toEqual(kind === 'ok' ? undefined : [key]);
  },
);

test.each(['accept-new', 'off'] as const)(
  'under %s a first key is on record before anything secret goes out, and where it cannot be, nothing does',
  async (policy: HostKeyPolicy) => {
    await using server = await startSshServer();
    const recorded: FirstKey[] = [];
    const before: string[] = [];
    const keys = await openHostKeys(file, policy, async (runId, some) => {
      if (runId === 'r-fail') throw new Error('no room');
      before.push(...server.logins);
      recorded.push(...some);
    });
    await using rig = await openRig({ hostKeys: keys, idleMs: 0 });
    const host = passwordHost(server.port);
    const failed = await rig.run(host, 'true', { runId: 'r-fail' });
    expect(failed).toMatchObject({ kind: 'host-key-failed' });
    expect(failed.reason).toMatch(/cannot be put on record, so nothing secret is sent \(no room\)/);
    expect(failed.firstKeys).toBeUndefined();
    expect(server.logins).not.toContain('password');
    await expect(readFile(file)).rejects.toThrow('ENOENT');

    expect(await rig.run(host, 'true')).toMatchObject({ kind: 'ok' });
    expect(recorded).toHaveLength(1);
    expect(before).not.toContain('password');
    expect(server.logins).toContain('password');
  },
);

test('the first key of a host on the way is told with that host’s name', async () => {
  await using bastion = await startSshServer();
  await using inner = await startSshServer();
  const jump = passwordHost(bastion.port, { name: 'bastion' });
  const findHost = (name: string) => (name === 'bastion' ? jump : undefined);
  const host = passwordHost(inner.port, { jump: ['bastion'] });
  await using rig = await openRig({ hostKeys: await openHostKeys(file, 'accept-new', unrecorded), findHost });
  const outcome = await rig.run(host, 'true');
  expect(outcome.firstKeys?.map((key) => [key.host, key.how])).toEqual([
    ['bastion', 'believed'],
    ['web01', 'believed'],
  ]);
  await rm(file);
  await using asking = await openRig({ hostKeys: await openHostKeys(file, 'ask', unrecorded), findHost });
  const refused = await asking.run(host, 'true');
  expect(refused).toMatchObject({
    kind: 'host-key-failed',
    firstKeys: [{ host: 'bastion', how: 'refused' }],
  });
  expect(refused.reason).toMatch(/^jump host bastion: .*`\/batch trust bastion`/);
});
