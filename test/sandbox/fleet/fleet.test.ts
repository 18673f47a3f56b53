import { execFile, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type ssh2 from 'ssh2';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Fleet, type FleetHost, openFleet } from '../../../src/sandbox/fleet/fleet.ts';
import { type Confinement, probeConfinement } from '../../../src/sandbox/fleet/host-folder.ts';
import { makeKeyPair } from '../../../src/sandbox/fleet/key-pair.ts';
import { get, login, openSftp, put, run } from './log-in.ts';

const execute = promisify(execFile);
const hasOpenSsh = ['ssh', 'sftp'].every((program) => spawnSync(program, ['-V']).error === undefined);

const probeFolder = await mkdtemp(join(tmpdir(), 'batchops-probe-'));
const possible: readonly Confinement[] =
  (await probeConfinement(probeFolder)) === 'namespace' ? ['namespace', 'rewritten'] : ['rewritten'];
await rm(probeFolder, { recursive: true });

describe.each(possible)('a fleet that is %s', (confinement) => {
  let folder: string;
  let fleet: Fleet;
  const host = (name: string): FleetHost => {
    const found = fleet.hosts.find((each) => each.name === name);
    if (found === undefined) throw new Error(`no ${name}`);
    return found;
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'batchops-fleet-'));
    fleet = await openFleet({
      folder,
      confinement,
      hosts: [
        { name: 'web1', login: 'password', files: { '/var/log/app.log': 'started\n' } },
        { name: 'db1', login: 'key' },
        { name: 'vault1', login: 'wrong-password' },
        { name: 'slow1', login: 'password', delayMs: 300 },
        { name: 'down1', login: 'password', isDown: true },
      ],
    });
  });
  afterAll(async () => {
    await fleet[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  test('a command runs for real, in the home of the host, with both its streams and its exit code', async () => {
    await using client = await login(host('web1'));
    const ended = await run(client.ssh, 'echo out; echo err >&2; echo $HOSTNAME $USER; exit 7');
    expect(ended).toEqual({ code: 7, signal: undefined, stdout: 'out\nweb1 deploy\n', stderr: 'err\n' });
    expect((await run(client.ssh, 'hostname')).stdout).toBe('web1\n');
    await run(client.ssh, 'echo mine > note');
    expect(await readFile(join(host('web1').root, 'home/deploy/note'), 'utf8')).toBe('mine\n');
  });

  test('a command reads its input to the end', async () => {
    await using client = await login(host('web1'));
    expect(
      (await run(client.ssh, 'wc -c', (channel) => channel.end('x'.repeat(300_000)))).stdout.trim(),
    ).toBe('300000');
  });

  test('a key logs in where the host wants a key', async () => {
    await using client = await login(host('db1'));
    expect((await run(client.ssh, 'hostname')).stdout).toBe('db1\n');
  });

  test('a wrong password, a wrong user and a wrong key are refused', async () => {
    await expect(login(host('vault1'))).rejects.toThrow(/authentication methods failed/);
    await expect(login({ ...host('web1'), user: 'root' })).rejects.toThrow(/authentication methods failed/);
    const other = join(folder, 'other_key');
    await writeFile(other, makeKeyPair().private);
    await expect(login({ ...host('db1'), key: other })).rejects.toThrow(/authentication methods failed/);
  });

  test('a host that is down refuses the connection', async () => {
    await expect(login(host('down1'))).rejects.toThrow(/ECONNREFUSED/);
  });

  test('a slow host takes its time, and does not start what nobody waits for any more', async () => {
    await using client = await login(host('slow1'));
    const began = performance.now();
    await run(client.ssh, 'true');
    expect(performance.now() - began).toBeGreaterThan(290);
    const channel = await promisify(
      client.ssh.exec.bind(client.ssh) as (
        command: string,
        callback: (error: Error | undefined, channel: ssh2.ClientChannel) => void,
      ) => void,
    )('touch ran');
    channel.close();
    await run(client.ssh, 'true');
    expect(existsSync(join(host('slow1').root, 'home/deploy/ran'))).toBe(false);
  });

  test('what is copied to /tmp by SFTP is there for a command, on that host alone', async () => {
    await using client = await login(host('web1'));
    await using other = await login(host('db1'));
    const sftp = await openSftp(client.ssh);
    const bytes = randomBytes(3_000_000);
    await put(sftp, '/tmp/blob', bytes);
    const hash = createHash('sha256').update(bytes).digest('hex');
    expect((await run(client.ssh, "sha256sum '/tmp/blob'")).stdout).toContain(hash);
    expect((await run(client.ssh, 'cat </tmp/blob | wc -c')).stdout.trim()).toBe('3000000');
    expect((await run(other.ssh, 'ls /tmp')).stdout).toBe('');
    expect((await get(sftp, '/tmp/blob')).equals(bytes)).toBe(true);
    expect((await run(client.ssh, 'cat /var/log/app.log')).stdout).toBe('started\n');
  });

  test('SFTP knows attributes, folders, renames over a file, and says what is not there', async () => {
    await using client = await login(host('web1'));
    const sftp = await openSftp(client.ssh);
    const call = <T>(
      start: (callback: (error: Error | undefined | null, value?: T) => void) => void,
    ): Promise<T | undefined> =>
      new Promise((resolve, reject) => start((error, value) => (error ? reject(error) : resolve(value))));

    expect(await call<string>((done) => sftp.realpath('.', done))).toBe('/home/deploy');
    await call((done) => sftp.mkdir('/tmp/d', done));
    await put(sftp, '/tmp/d/a', Buffer.from('one'));
    await put(sftp, '/tmp/d/b', Buffer.from('three'));
    await call((done) => sftp.chmod('/tmp/d/a', 0o751, done));
    await call((done) => sftp.utimes('/tmp/d/a', 1_000, 2_000, done));
    const stats = await call<ssh2.Stats>((done) => sftp.stat('/tmp/d/a', done));
    expect([stats?.isFile(), stats && stats.mode & 0o777, stats?.size, stats?.mtime]).toEqual([
      true,
      0o751,
      3,
      2_000,
    ]);
    await call((done) => sftp.rename('/tmp/d/a', '/tmp/d/b', done));
    expect((await get(sftp, '/tmp/d/b')).toString()).toBe('one');
    const names = await call<ssh2.FileEntryWithStats[]>((done) => sftp.readdir('/tmp/d', done));
    expect(names?.map((each) => each.filename)).toEqual(['b']);
    await expect(call((done) => sftp.open('/tmp/d/b', 'wx', done))).rejects.toThrow(/EEXIST/);
    await call((done) => sftp.unlink('/tmp/d/b', done));
    await call((done) => sftp.rmdir('/tmp/d', done));
    await expect(call((done) => sftp.stat('/tmp/d', done))).rejects.toMatchObject({ code: 2 });
    await expect(call((done) => sftp.open('/nowhere/x', 'w', done))).rejects.toMatchObject({ code: 2 });
  });

  test('SFTP does not leave the folder of the host, neither by .. nor by a link', async () => {
    await using client = await login(host('web1'));
    const sftp = await openSftp(client.ssh);
    const secret = join(folder, 'secret');
    await writeFile(secret, 'secret');
    const { root } = host('web1');
    await symlink(secret, join(root, 'tmp/link'));
    await symlink(folder, join(root, 'tmp/folder'));
    await symlink(join(folder, 'new'), join(root, 'tmp/dangling'));
    for (const path of [
      '/tmp/link',
      '/tmp/folder/secret',
      '/../../../secret',
      '../../../../secret',
      secret,
    ]) {
      await expect(get(sftp, path), path).rejects.toMatchObject({
        code: expect.toSatisfy((code) => code === 2 || code === 3),
      });
    }
    await expect(put(sftp, '/tmp/dangling', Buffer.from('x'))).rejects.toThrow();
    await expect(put(sftp, '/tmp/folder/new', Buffer.from('x'))).rejects.toThrow();
    expect(existsSync(join(folder, 'new'))).toBe(false);
  });

  test('a signal reaches the command and everything it started', async () => {
    await using client = await login(host('web1'));
    // ssh2's client sends no signal once its side of the channel has ended, so the input stays open.
    const ended = run(client.ssh, 'sleep 987 & echo up; wait; echo never', (channel) =>
      channel.once('data', () => channel.signal('TERM')),
    );
    expect(await ended).toMatchObject({ signal: 'TERM', stdout: 'up\n' });
  });

  test.each(['the channel closes', 'the connection dies'])('nothing goes on running once %s', async (how) => {
    await using client = await login(host('web1'));
    const pid = await new Promise<number>((resolve, reject) => {
      client.ssh.exec("trap '' HUP TERM; sh -c 'echo $$; sleep 986; true'; true", (error, channel) => {
        if (error) reject(error);
        else
          channel.once('data', (data: Buffer) => {
            resolve(Number(data));
            if (how === 'the channel closes') channel.close();
            else client.ssh.destroy();
          });
      });
    });
    await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow(/ESRCH/), {
      timeout: 5_000,
      interval: 20,
    });
  });

  test.skipIf(!hasOpenSsh)('OpenSSH’s own ssh and sftp work on it', async () => {
    const { port, user, ip, key = '' } = host('db1');
    const options = ['-F', 'none', '-i', key, '-o', 'BatchMode=yes', '-o', 'IdentitiesOnly=yes'];
    options.push(
      '-o',
      'StrictHostKeyChecking=no',
      '-o',
      'UserKnownHostsFile=/dev/null',
      '-o',
      'LogLevel=ERROR',
    );
    const local = join(folder, 'local.bin');
    await writeFile(local, randomBytes(700_000), { mode: 0o640 });
    const batch = join(folder, 'batch');
    await writeFile(
      batch,
      `put -p ${local} /tmp/x\nls -l /tmp\nrename /tmp/x /tmp/y\nget /tmp/y ${local}.back\n`,
    );
    const copied = await execute('sftp', ['-P', String(port), ...options, '-b', batch, `${user}@${ip}`]);
    expect(copied.stdout).toMatch(/-rw-r-----.* 700000 .* \/?.*x/);
    expect((await readFile(`${local}.back`)).equals(await readFile(local))).toBe(true);
    const ended = execute('ssh', [
      '-p',
      String(port),
      ...options,
      `${user}@${ip}`,
      'sha256sum </tmp/y; exit 3',
    ]);
    const hash = createHash('sha256')
      .update(await readFile(local))
      .digest('hex');
    await expect(ended).rejects.toMatchObject({ code: 3, stdout: expect.stringContaining(hash) });
  });

  if (confinement === 'namespace') {
    test('a command cannot write to the machine outside of its folders', async () => {
      await using client = await login(host('web1'));
      expect((await run(client.ssh, 'touch /etc/batchops-was-here')).stderr).toMatch(/Read-only|denied/);
      expect(existsSync('/etc/batchops-was-here')).toBe(false);
    });
  }
});
