import { lstat, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { describe, expect, test, vi } from 'vitest';
import type { Leftover } from '../../../src/run/leftover.ts';
import { startSshServer } from '../../rigs/ssh-server.ts';
import { HAS_SSHD, startSshd } from '../../rigs/sshd.ts';
import { openRun, openRig as openStoreRig } from '../../store/rig.ts';
import { openMemory, place, put } from '../copy/copy-rig.ts';
import { memoryLeftovers } from '../memory-leftovers.ts';
import { execution, keyHost, openRig, passwordHost } from '../rig.ts';

const { STATUS_CODE } = ssh2.utils.sftp;
const left = (path: string, more: Partial<Leftover> = {}): Leftover => ({
  host: 'web01',
  path,
  runId: 'r-dead',
  belongsAt: null,
  ...more,
});

describe('what we leave on a host is known', () => {
  test('before the host hears of it, and no longer than it is there', async () => {
    const known: string[][] = [];
    await using rig = await openRig();
    await using memory = await openMemory({
      onRequest(name) {
        if (name === 'OPEN' || name === 'WRITE') known.push(rig.leftovers.all.map(({ path }) => path));
        return false;
      },
    });
    await place(rig, 'f', 'new');
    expect((await put(rig, memory.host, 'f', '/tmp/f')).kind).toBe('ok');
    expect(known[0]).toEqual([expect.stringMatching(/^\/tmp\/\.batchops-r-7k3f-[0-9a-f]{8}\.part$/)]);
    expect(rig.leftovers.all).toEqual([]);
  });

  test('or it is not made: a store that cannot be written makes no file that nobody knows', async () => {
    const leftovers = memoryLeftovers();
    await using memory = await openMemory();
    await using rig = await openRig({
      leftovers: { ...leftovers, note: () => Promise.reject(new Error('disk full')) },
    });
    await place(rig, 'f', 'new');
    expect(await put(rig, memory.host, 'f', '/tmp/f')).toMatchObject({
      kind: 'transfer-failed',
      reason: 'the bot cannot write down its temporary file, so it made none',
    });
    expect(memory.log.opened).toEqual([]);
  });

  test('also where the old file steps aside for the new one', async () => {
    const known: (string | null)[][] = [];
    await using rig = await openRig();
    await using memory = await openMemory({
      files: new Map([['/tmp/f', Buffer.from('old')]]),
      onRequest(name) {
        if (name === 'RENAME') known.push(rig.leftovers.all.map(({ belongsAt }) => belongsAt));
        return false;
      },
    });
    await place(rig, 'f', 'new');
    expect((await put(rig, memory.host, 'f', '/tmp/f')).kind).toBe('ok');
    expect(known).toEqual([
      [null, '/tmp/f'],
      [null, '/tmp/f'],
    ]);
    expect(rig.leftovers.all).toEqual([]);
  });
});

describe('a clean-up that fails leaves the copy’s own outcome as it is, and is said', () => {
  test.each([
    ['refused', STATUS_CODE.PERMISSION_DENIED, 'removing /tmp/.batchops-r-7k3f-*.part: permission denied'],
    [
      'never answered',
      undefined,
      '/tmp/.batchops-r-7k3f-*.part, may still be there, and is removed at the next contact',
    ],
  ])('%s, after a copy that failed', async (_what, code, words) => {
    await using memory = await openMemory({
      onWrite: () => 'ignore',
      onRequest(name, id, sftp) {
        if (name !== 'REMOVE') return false;
        if (code !== undefined) sftp.status(id, code);
        return true;
      },
    });
    await using rig = await openRig({ copyLimits: { cleanUpMs: 300 } });
    await place(rig, 'f', 'new');
    const outcome = await put(rig, memory.host, 'f', '/tmp/f', { timeLimitMs: 100 });
    expect(outcome.kind).toBe('timed-out');
    expect(outcome.reason).toMatch(/^(no data for|less than 1024 bytes a second came through for) 0.1 s.*; /);
    expect(outcome.reason).toContain(words);
    expect(rig.leftovers.all).toHaveLength(1);
  });

  test('after a copy that succeeded: the old file that stepped aside stays', async () => {
    await using memory = await openMemory({
      files: new Map([['/tmp/f', Buffer.from('old')]]),
      onRequest(name, id, sftp) {
        if (name === 'REMOVE') sftp.status(id, STATUS_CODE.PERMISSION_DENIED);
        return name === 'REMOVE';
      },
    });
    await using rig = await openRig();
    await place(rig, 'f', 'new');
    const outcome = await put(rig, memory.host, 'f', '/tmp/f');
    expect(outcome.kind).toBe('ok');
    expect(outcome.reason).toContain(
      'the old file is still there: removing /tmp/.batchops-r-7k3f-*.part.old: permission denied',
    );
    expect(memory.files.get('/tmp/f')?.toString()).toBe('new');
    expect(rig.leftovers.all).toMatchObject([{ belongsAt: '/tmp/f' }]);
  });
});

describe.skipIf(!HAS_SSHD)('at the next contact with the host, whatever the job is', () => {
  test('half files are removed: exactly those, and only files', async () => {
    await using sshd = await startSshd();
    const dir = join(sshd.folder, 'dir');
    await mkdir(dir);
    const at = (name: string) => join(dir, name);
    await writeFile(at('.half'), 'half');
    await writeFile(at('.live'), 'a copy that goes on');
    await writeFile(at('innocent'), 'somebody’s');
    await mkdir(at('.folder'));
    await symlink(at('innocent'), at('.link'));
    const leftovers = memoryLeftovers(
      [
        left(at('.half')),
        left(at('.gone')),
        left(at('.folder')),
        left(at('.link')),
        left(at('.live'), { runId: 'r-live' }),
        left(at('innocent'), { host: 'web02' }),
      ],
      ['r-live'],
    );
    await using rig = await openRig({ leftovers });
    expect(await rig.run(keyHost(sshd), 'echo done')).toMatchObject({ kind: 'ok', reason: '' });
    expect((await readdir(dir)).toSorted()).toEqual(['.folder', '.link', '.live', 'innocent']);
    expect((await lstat(at('.link'))).isSymbolicLink()).toBe(true);
    expect(leftovers.all.map(({ path }) => path)).toEqual([at('.live'), at('innocent')]);
    expect(rig.errors).toEqual([]);
  });

  test('a file that stepped aside goes back where nothing took its place, and goes where something did', async () => {
    await using sshd = await startSshd();
    const at = (name: string) => join(sshd.folder, name);
    await writeFile(at('.a.old'), 'the only one');
    await writeFile(at('.b.old'), 'replaced');
    await writeFile(at('b'), 'new');
    const leftovers = memoryLeftovers([
      left(at('.a.old'), { belongsAt: at('a') }),
      left(at('.b.old'), { belongsAt: at('b') }),
    ]);
    await using rig = await openRig({ leftovers });
    await rig.run(keyHost(sshd), 'true');
    expect(await readFile(at('a'), 'utf8')).toBe('the only one');
    expect(await readFile(at('b'), 'utf8')).toBe('new');
    await expect(lstat(at('.b.old'))).rejects.toThrow('ENOENT');
    expect(leftovers.all).toEqual([]);
  });

  test('a connection that was kept serves on after that', async () => {
    await using sshd = await startSshd();
    const half = join(sshd.folder, '.half');
    await using rig = await openRig();
    await rig.run(keyHost(sshd), 'true');
    await writeFile(half, 'half');
    rig.leftovers.all.push(left(half));
    expect((await rig.run(keyHost(sshd), 'echo $PPID')).stdout.head).toBe(
      (await rig.run(keyHost(sshd), 'echo $PPID')).stdout.head,
    );
    expect(rig.leftovers.all).toEqual([]);
  });
});

describe('where they cannot be removed', () => {
  test('the command’s outcome stands, is not kept waiting, and says so', async () => {
    await using server = await startSshServer({
      onSession: (index) => (index === 0 ? true : 'ignore'),
    });
    const leftovers = memoryLeftovers([left('/tmp/.half')]);
    await using rig = await openRig({ leftovers, copyLimits: { cleanUpMs: 100 } });
    const outcome = await rig.run(passwordHost(server.port), 'true');
    expect(outcome).toMatchObject({
      kind: 'ok',
      exitCode: 0,
      reason:
        'a temporary file of r-dead, /tmp/.half, may still be there, and is removed at the next contact with this host',
    });
    expect(outcome.durationMs).toBeLessThan(3_000);
    expect(leftovers.all).toHaveLength(1);
  });

  test('what an earlier run left is nothing to say of a command whose connection breaks', async () => {
    const leftovers = memoryLeftovers([left('/tmp/.half')]);
    await using server = await startSshServer({ onCommand: () => server.cut() });
    await using rig = await openRig({ leftovers });
    const outcome = await rig.run(passwordHost(server.port), 'true');
    expect(outcome.kind).toBe('lost');
    expect(outcome.reason).not.toContain('temporary');
    expect(leftovers.all).toHaveLength(1);
  });

  test('a connection that breaks leaves them known, and a cancel too', async () => {
    const stop = new AbortController();
    await using memory = await openMemory({
      onWrite() {
        stop.abort('cancelled');
        memory.server.cut();
        return 'ignore';
      },
    });
    await using rig = await openRig();
    await place(rig, 'f', 'new');
    const outcome = await put(rig, memory.host, 'f', '/tmp/f', { signal: stop.signal });
    expect(outcome.kind).toBe('cancelled');
    expect(outcome.reason).toContain('may still be there, and is removed at the next contact');
    expect(rig.leftovers.all).toHaveLength(1);
    await vi.waitFor(() => expect(memory.server.open()).toBe(0));
    await rig.transport.execute(memory.host, { action: 'run', command: 'true' }, execution());
    expect(rig.leftovers.all).toEqual([]);
    expect([...memory.files.keys()]).toEqual(['/tmp/']);
  });
});

test('a bot that is killed in the middle of a copy finds its half file again, and removes it', async () => {
  await using records = await openStoreRig();
  await openRun(records.store, { hosts: ['web01'] });
  const [job] = await records.store.jobs.start(await records.store.jobs.take(1));
  const writing = Promise.withResolvers<void>();
  await using memory = await openMemory({
    onWrite() {
      writing.resolve();
      return 'ignore';
    },
  });
  {
    await using first = await openRig({ leftovers: records.store.leftovers });
    await place(first, 'f', 'new');
    const copying = put(first, memory.host, 'f', '/tmp/f', { runId: job?.runId ?? '' });
    await writing.promise;
    // Nothing of what comes now reaches the store or the host: so it is when the process is gone.
    await records.store.close();
    memory.server.cut();
    await copying;
  }
  expect([...memory.files.keys()]).toEqual(['/tmp/', expect.stringContaining('.part')]);
  const store = await records.reopen();
  await using second = await openRig({ leftovers: store.leftovers });
  expect(await second.run(memory.host, 'true')).toMatchObject({ kind: 'ok', reason: '' });
  expect([...memory.files.keys()]).toEqual(['/tmp/']);
});
