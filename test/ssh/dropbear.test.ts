import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Host } from '../../src/inventory/inventory.ts';
import { Secret } from '../../src/inventory/secret.ts';
import { type Dropbear, HAS_DROPBEAR, startDropbear } from '../rigs/dropbear.ts';
import { CAN_ADD_USERS } from '../rigs/sshd.ts';
import { get, place, put } from './copy/copy-rig.ts';
import { execution, openRig, passwordHost, type TransportRig } from './rig.ts';

const GONE =
  'stopped: by session, parent and environment none of its processes is found on the host any more';

describe.skipIf(!HAS_DROPBEAR || !CAN_ADD_USERS)('a server that is not OpenSSH (dropbear)', () => {
  let dropbear: Dropbear;
  let rig: TransportRig;
  let host: Host;
  beforeAll(async () => {
    dropbear = await startDropbear();
    rig = await openRig();
    host = passwordHost(dropbear.port, {
      user: dropbear.user,
      password: new Secret(dropbear.password),
      shell: 'auto',
    });
  });
  afterAll(async () => {
    expect(rig.errors).toEqual([]);
    await rig[Symbol.asyncDispose]();
    await dropbear[Symbol.asyncDispose]();
  });

  test('ok, failed and killed are what the command itself ended with', async () => {
    expect(await rig.run(host, 'echo out; echo err >&2; exit 3')).toMatchObject({
      kind: 'failed',
      exitCode: 3,
      stdout: { head: 'out\n' },
      stderr: { head: 'err\n' },
    });
    expect(await rig.run(host, 'kill -KILL $$')).toMatchObject({ kind: 'killed', signal: 'KILL' });
    const much = await rig.run(host, 'head -c 3000000 /dev/zero | tr "\\0" x');
    expect(much).toMatchObject({ kind: 'ok', stdout: { totalBytes: 3_000_000 } });
  });

  test('of more logins at once than it takes, and hangs up on without a word, none is left out', async () => {
    await using fresh = await openRig();
    const outcomes = await Promise.all(
      Array.from({ length: 30 }, () => fresh.run(host, 'sleep 0.3; echo here')),
    );
    expect(outcomes.map(({ kind, reason }) => `${kind} ${reason}`)).toEqual(Array(30).fill('ok '));
  });

  test('what is cancelled is looked for and stopped, and what followed it does not run', async () => {
    const stop = new AbortController();
    const outcome = rig.run(host, 'echo began > began; sleep 961; echo after > after', {
      signal: stop.signal,
    });
    await vi.waitFor(() => readFile(join(dropbear.home, 'began')), { timeout: 10_000 });
    stop.abort('cancelled');
    expect((await outcome).reason).toBe(`cancelled while it ran; ${GONE}`);
    await expect(readFile(join(dropbear.home, 'after'))).rejects.toThrow('ENOENT');
  });

  test('a time limit stops it; with shell = raw the answer does not say that it did', async () => {
    expect((await rig.run(host, 'sleep 962', { timeLimitMs: 500 })).reason).toBe(
      `still running after 0.5 s; ${GONE}`,
    );
    const raw = await rig.run({ ...host, shell: 'raw' }, 'exec sleep 3', { timeLimitMs: 500 });
    expect(raw).toMatchObject({
      kind: 'timed-out',
      reason: expect.stringContaining('may still run on the host'),
    });
  });

  test('files go there and back, verified', async () => {
    const bytes = Buffer.alloc(3_000_000, 'some bytes ');
    await place(rig, 'file.bin', bytes);
    const remote = join(dropbear.home, 'file.bin');
    expect(await put(rig, host, 'file.bin', remote)).toMatchObject({ kind: 'ok' });
    expect((await readFile(remote)).equals(bytes)).toBe(true);
    expect(await get(rig, host, remote, 'back.bin')).toMatchObject({ kind: 'ok' });
    expect(
      (await readFile(join(rig.folder, 'transfers', 'back.bin', host.name, 'file.bin'))).equals(bytes),
    ).toBe(true);
  });

  test('a ping tells what it is and offers', async () => {
    const { ping } = await rig.transport.execute(host, { action: 'ping' }, execution({ onMet: () => {} }));
    expect(ping).toMatchObject({
      server: expect.stringMatching(/^dropbear_\d/),
      shell: '/bin/sh',
      sftp: true,
    });
  });
});
