import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Host } from '../../../src/inventory/inventory.ts';
import { startSshServer } from '../../rigs/ssh-server.ts';
import { HAS_SSHD, type Sshd, startSshd } from '../../rigs/sshd.ts';
import { execution, keyHost, openRig, passwordHost, type TransportRig } from '../rig.ts';
import { get, openMemory, place, put, sha256 } from './copy-rig.ts';
import { serveMemory } from './memory-sftp.ts';

describe.skipIf(!HAS_SSHD)('copying to and from a real sshd', () => {
  let sshd: Sshd;
  let rig: TransportRig;
  let remote: string;

  beforeAll(async () => {
    sshd = await startSshd();
    rig = await openRig();
    remote = join(sshd.folder, 'files');
    await mkdir(remote);
  });
  afterAll(async () => {
    expect(rig.errors).toEqual([]);
    await rig[Symbol.asyncDispose]();
    await sshd[Symbol.asyncDispose]();
  });
  const host = (more: Partial<Host> = {}) => keyHost(sshd, more);

  test('a link on the host leads no copy out of where the rules reach', async () => {
    const outside = join(sshd.folder, 'outside');
    await mkdir(outside);
    await writeFile(join(outside, 'shadow'), 'not yours');
    await symlink(outside, join(remote, 'planted'));
    await symlink(join(outside, 'shadow'), join(remote, 'innocent'));
    const mayTouch = (path: string) => path.startsWith(`${remote}/`);
    await place(rig, 'new', Buffer.from('new'));

    const put1 = await put(rig, host(), 'new', join(remote, 'planted/'), { mayTouch });
    expect(put1).toMatchObject({ kind: 'transfer-failed' });
    expect(put1.reason).toContain(`leads to ${join(outside, 'new')}`);
    expect(await readdir(outside)).toEqual(['shadow']);
    const got = await get(rig, host(), join(remote, 'innocent'), 'taken', { mayTouch });
    expect(got).toMatchObject({ kind: 'transfer-failed' });
    expect(got.reason).toContain('your rules do not reach');
    expect((await put(rig, host(), 'new', `${remote}/`, { mayTouch })).kind).toBe('ok');
    expect((await get(rig, host(), join(remote, 'new'), 'mine', { mayTouch })).kind).toBe('ok');
  });

  const fetched = (path: string) => readFile(join(rig.folder, 'transfers', path));

  test.each([0, 1, 65_536, 65_537, 3_000_000])(
    'a file of %i bytes arrives whole, with its mode, both ways',
    async (size) => {
      const bytes = randomBytes(size);
      const name = `file-${size}.bin`;
      await place(rig, name, bytes, 0o750);
      const sent = await put(rig, host(), name, `${remote}/`);
      const path = join(remote, name);
      expect(sent).toMatchObject({
        kind: 'ok',
        exitCode: null,
        reason: '',
        file: { path, bytes: size, sha256: sha256(bytes), verified: 'checksum' },
      });
      expect((await readFile(path)).equals(bytes)).toBe(true);
      expect((await stat(path)).mode & 0o777).toBe(0o750);

      const back = await get(rig, host(), path, `back-${size}`);
      expect(back).toMatchObject({
        kind: 'ok',
        file: {
          path: `back-${size}/web01/${name}`,
          bytes: size,
          sha256: sha256(bytes),
          verified: 'checksum',
        },
      });
      expect((await fetched(`back-${size}/web01/${name}`)).equals(bytes)).toBe(true);
    },
  );

  test('into a folder, to a name, over an old file, into ~', async () => {
    await place(rig, 'sub/test.py', 'print(1)\n');
    await mkdir(join(remote, 'dir'), { recursive: true });
    expect((await put(rig, host(), 'sub/test.py', join(remote, 'dir'))).file?.path).toBe(
      join(remote, 'dir/test.py'),
    );
    expect((await put(rig, host(), 'sub/test.py', join(remote, 'other.py'))).file?.path).toBe(
      join(remote, 'other.py'),
    );
    await place(rig, 'sub/test.py', 'print(2)\n');
    expect((await put(rig, host(), 'sub/test.py', join(remote, 'other.py'))).kind).toBe('ok');
    expect(await readFile(join(remote, 'other.py'), 'utf8')).toBe('print(2)\n');
    const { file } = await get(rig, host(), '~/.ssh/../.batchops-no-such-file', 'x');
    expect(file).toBeUndefined();
    expect((await readdir(remote)).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  test('no folder, a folder or a link in the way, or a file that changed: refused, nothing is touched', async () => {
    await place(rig, 'a.txt', 'a');
    await writeFile(join(remote, 'real.txt'), 'real');
    await symlink(join(remote, 'real.txt'), join(remote, 'link.txt'));
    await mkdir(join(remote, 'into/a.txt'), { recursive: true });
    const refused = async (to: string) => {
      const outcome = await put(rig, host(), 'a.txt', to);
      expect(outcome.kind).toBe('transfer-failed');
      return outcome.reason;
    };
    expect(await refused(join(remote, 'no/such/a.txt'))).toBe(
      `there is no folder ${remote}/no/such on the host; -mkdir makes it`,
    );
    expect(await refused(join(remote, 'nowhere/'))).toContain('there is no folder');
    expect(await refused(join(remote, 'into'))).toBe(`${remote}/into/a.txt is a folder`);
    expect(await refused(join(remote, 'link.txt'))).toContain('is a symbolic link');
    expect(await refused('/dev/null')).toContain('is not a regular file');
    expect(await refused('~root/a.txt')).toContain('only ~/ is understood');
    expect(await readFile(join(remote, 'real.txt'), 'utf8')).toBe('real');

    const work = { action: 'put', local: 'a.txt', remote: join(remote, 'b.txt') } as const;
    for (const source of [
      { bytes: 2, sha256: sha256('aa') },
      { bytes: 1, sha256: sha256('b') },
    ]) {
      const outcome = await rig.transport.execute(host(), { ...work, source }, execution());
      expect(outcome).toMatchObject({ kind: 'transfer-failed' });
      expect(outcome.reason).toContain('a.txt has changed since the run was approved');
    }
    expect((await readdir(remote)).filter((name) => /^b\.txt|part$/.test(name))).toEqual([]);
  });

  test('files without a size of their own are read to their end', async () => {
    const outcome = await get(rig, host(), '/proc/cpuinfo', 'proc');
    expect(outcome.kind).toBe('ok');
    expect((await fetched('proc/web01/cpuinfo')).length).toBeGreaterThan(100);
  });

  test('each host has its own folder, whatever it is called', async () => {
    await writeFile(join(remote, 'hosts'), 'same name');
    const paths = await Promise.all(
      ['web01', 'web 02', '../up', '..'].map(
        async (name) => (await get(rig, host({ name }), join(remote, 'hosts'), 'all')).file?.path,
      ),
    );
    expect(paths).toEqual(['all/web01/hosts', 'all/web%2002/hosts', 'all/..%2Fup/hosts', 'all/%2E%2E/hosts']);
  });

  test('a folder, nothing, a pipe or a name that is none: refused', async () => {
    const reason = async (path: string) => {
      const outcome = await get(rig, host(), path, 'refused');
      expect(outcome.kind).toBe('transfer-failed');
      return outcome.reason;
    };
    expect(await reason(remote)).toContain('is a folder');
    expect(await reason(join(remote, 'nothing'))).toContain('there is no');
    expect(await reason('/dev/null')).toContain('is not a regular file');
    expect(await reason('/')).toContain('ends in no name');
    expect(await reason('/etc/..')).toContain('ends in no name');
    expect(await reason('/etc/a\\b')).toBe(
      '/etc/a\\b: a file with a backslash in its name is not kept here, since that parts folders on other systems; ' +
        'copy it to another name on the host first, and fetch that',
    );
    await expect(readdir(join(rig.folder, 'transfers', 'refused'))).rejects.toThrow('ENOENT');
  });

  test('a file above the limit is not fetched', async () => {
    await using small = await openRig({ maxFetchBytes: 1_000 });
    await writeFile(join(remote, 'large'), Buffer.alloc(1_001));
    expect((await get(small, host(), join(remote, 'large'), 'x')).reason).toContain(
      'larger than the 1000 bytes',
    );
  });

  test('a cancel in the middle leaves nothing behind', async () => {
    await place(rig, 'huge', Buffer.alloc(200_000_000));
    const stop = new AbortController();
    const running = put(rig, host(), 'huge', join(remote, 'huge'), { signal: stop.signal });
    await vi.waitFor(
      async () => expect((await readdir(remote)).join()).toMatch(/\.batchops-r-7k3f-[0-9a-f]{8}\.part/),
      {
        interval: 2,
        timeout: 20_000,
      },
    );
    stop.abort('cancelled');
    expect(await running).toMatchObject({ kind: 'cancelled', reason: 'cancelled while it copied' });
    expect((await readdir(remote)).filter((name) => name.includes('huge'))).toEqual([]);
  });
});

describe('copying to and from a host with its own ideas', () => {
  const bytes = randomBytes(700_000);

  test('short reads and a hidden size change nothing', async () => {
    await using memory = await openMemory({
      files: new Map([['/tmp/f', bytes]]),
      maxReadBytes: 1_000,
      hidesSize: true,
    });
    await using rig = await openRig();
    const outcome = await get(rig, memory.host, '/tmp/f', 'x');
    expect(outcome).toMatchObject({
      kind: 'ok',
      file: { bytes: bytes.length, sha256: sha256(bytes), verified: 'nothing' },
    });
  });

  test('a hidden size does not get around the limit', async () => {
    await using memory = await openMemory({ files: new Map([['/tmp/f', bytes]]), hidesSize: true });
    await using rig = await openRig({ maxFetchBytes: 600_000 });
    expect((await get(rig, memory.host, '/tmp/f', 'x')).kind).toBe('transfer-failed');
    expect(await readdir(join(rig.folder, 'transfers/x/web01'))).toEqual([]);
  });

  test('without the extension an old file steps aside, and comes back where the new one cannot have its name', async () => {
    await using rig = await openRig();
    await place(rig, 'f', bytes);
    await using plain = await openMemory({ files: new Map([['/tmp/f', Buffer.from('old')]]) });
    expect(await put(rig, plain.host, 'f', '/tmp/f')).toMatchObject({
      kind: 'ok',
      file: { verified: 'read-back' },
    });
    expect(plain.files.get('/tmp/f')?.equals(bytes)).toBe(true);
    expect([...plain.files.keys()]).toEqual(['/tmp/', '/tmp/f']);

    let isFirst = true;
    await using stubborn = await openMemory({
      files: new Map([['/tmp/f', Buffer.from('old')]]),
      refusesRename(to) {
        if (to !== '/tmp/f' || !isFirst) return false;
        isFirst = false;
        return true;
      },
    });
    expect((await put(rig, stubborn.host, 'f', '/tmp/f')).kind).toBe('transfer-failed');
    expect(stubborn.files.get('/tmp/f')?.toString()).toBe('old');
    expect([...stubborn.files.keys()]).toEqual(['/tmp/', '/tmp/f']);
  });

  test.each([
    ['a full disk', { onWrite: (position: number) => position < 200_000 }, 'no space left on device'],
    ['a size that is not what was sent', { hidesSize: true }, '0 of 700000 bytes arrived'],
  ])('%s: failed, and the temporary file is gone', async (_what, script, reason) => {
    await using memory = await openMemory(script);
    await using rig = await openRig();
    await place(rig, 'f', bytes);
    const outcome = await put(rig, memory.host, 'f', '/tmp/f');
    expect(outcome.kind).toBe('transfer-failed');
    expect(outcome.reason).toContain(reason);
    expect([...memory.files.keys()]).toEqual(['/tmp/']);
  });

  test('bytes that change on the way are found out, and never get the name', async () => {
    await using rig = await openRig();
    await place(rig, 'f', bytes);
    const files = new Map([['/tmp/', Buffer.alloc(0)]]);
    await using server = await startSshServer({
      onSftp: (sftp) =>
        serveMemory(
          sftp,
          { files, garble: (data) => Buffer.alloc(data.length) },
          { opened: [], removed: [] },
        ),
      onCommand(channel, command) {
        const path = /sha256sum '(.*?)'/.exec(command)?.[1] ?? '';
        channel.write(`${sha256(files.get(path) ?? '')}  ${path}\n`);
        channel.exit(0);
        channel.end();
      },
    });
    const outcome = await put(rig, passwordHost(server.port, { shell: 'posix' }), 'f', '/tmp/f');
    expect(outcome).toMatchObject({
      kind: 'transfer-failed',
      reason: 'what arrived has another checksum than what was sent',
    });
    expect([...files.keys()]).toEqual(['/tmp/']);
  });

  test('a cancel before the host says that it made the file leaves nothing behind', async () => {
    const stop = new AbortController();
    await using memory = await openMemory({
      onOpen() {
        stop.abort('cancelled');
        return false;
      },
    });
    await using rig = await openRig();
    await place(rig, 'f', bytes);
    const outcome = await put(rig, memory.host, 'f', '/tmp/f', { signal: stop.signal });
    expect(outcome).toMatchObject({ kind: 'cancelled' });
    expect([...memory.files.keys()]).toEqual(['/tmp/']);
  });

  test('a host that falls silent in the middle: timed out after the longest silence', async () => {
    await using memory = await openMemory({ onWrite: (position) => (position < 200_000 ? true : 'ignore') });
    await using rig = await openRig();
    await place(rig, 'f', bytes);
    const outcome = await put(rig, memory.host, 'f', '/tmp/f', { timeLimitMs: 150 });
    expect(outcome).toMatchObject({ kind: 'timed-out', reason: 'no data for 0.2 s while it copied' });
    expect([...memory.files.keys()]).toEqual(['/tmp/']);
  });

  test.each(['put', 'get'] as const)(
    'a connection that breaks in the middle of a %s ends the job',
    async (action) => {
      let cut = () => {};
      const breaks = (position: number) => {
        if (position > 200_000) cut();
        return true;
      };
      await using memory = await openMemory({
        files: new Map([['/tmp/g', bytes]]),
        ...(action === 'put' ? { onWrite: breaks } : { onRead: breaks }),
      });
      cut = () => memory.server.cut();
      await using rig = await openRig();
      await place(rig, 'f', bytes);
      const outcome =
        action === 'put'
          ? await put(rig, memory.host, 'f', '/tmp/f')
          : await get(rig, memory.host, '/tmp/g', 'x');
      expect(outcome.kind).toBe('transfer-failed');
      expect(outcome.reason).toContain('while it copied');
      expect(memory.files.has('/tmp/f')).toBe(false);
      expect(memory.server.dials()).toBe(1);
      if (action === 'get') expect(await readdir(join(rig.folder, 'transfers/x/web01'))).toEqual([]);
    },
  );

  test('fifty copies over one connection leave no channel open', async () => {
    let open = 0;
    let most = 0;
    const files = new Map([['/tmp/f', Buffer.from('x')]]);
    await using server = await startSshServer({
      onSftp(sftp) {
        most = Math.max(most, ++open);
        sftp.on('end', () => open--);
        sftp.on('close', () => {});
        serveMemory(sftp, { files }, { opened: [], removed: [] });
      },
    });
    await using rig = await openRig();
    for (let i = 0; i < 50; i++) {
      expect((await get(rig, passwordHost(server.port), '/tmp/f', 'x')).kind).toBe('ok');
    }
    expect(most).toBeLessThanOrEqual(2);
    expect(server.dials()).toBe(1);
  });
});
