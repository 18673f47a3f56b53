import { existsSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { lstat, mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ENDLESS_ROOM } from '../../../src/ssh/part/endless-room.ts';
import { writeSpoolFile } from '../../../src/ssh/spool/spool-file.ts';
import { openSpoolFolder, type SpoolFolder } from '../../../src/ssh/spool/spool-folder.ts';
import { HAS_SSHD, startSshd } from '../../rigs/sshd.ts';
import { keyHost, openRig } from '../rig.ts';

interface SpoolRig extends AsyncDisposable {
  readonly dir: string;
  readonly spool: SpoolFolder;
  readonly warnings: readonly string[];
  path(...parts: string[]): string;
}

async function makeSpool(): Promise<SpoolRig> {
  const folder = await mkdtemp(join(tmpdir(), 'batchops-spool-'));
  const dir = join(folder, 'spool');
  const warnings: string[] = [];
  const warn = (_: object, message: string) => void warnings.push(message);
  return {
    dir,
    spool: openSpoolFolder(dir, { debug() {}, info() {}, warn, error: warn }),
    warnings,
    path: (...parts) => join(folder, ...parts),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

async function textOf(spool: SpoolFolder, path: string): Promise<string | undefined> {
  const bytes = await spool.read(path);
  if (bytes === undefined) return undefined;
  const parts: Uint8Array[] = [];
  for await (const part of bytes) parts.push(part);
  return Buffer.concat(parts).toString();
}

const text = (value: string) => new TextEncoder().encode(value);

describe('the spool folder', () => {
  test("a file is one run's, host's and stream's, for our own account only, whatever the host is called", async () => {
    await using rig = await makeSpool();
    const file = rig.spool.openFile('r-7k3f', '../we b/1', 'stderr');
    file.write(text('one '));
    file.write(text('two'));
    const path = await file.end();
    expect(path).toBe('r-7k3f/..%2Fwe%20b%2F1.stderr');
    expect(await textOf(rig.spool, path ?? '')).toBe('one two');
    expect((await lstat(rig.dir)).mode & 0o777).toBe(0o700);
    expect((await lstat(join(rig.dir, 'r-7k3f'))).mode & 0o777).toBe(0o700);
    expect((await lstat(join(rig.dir, path ?? ''))).mode & 0o777).toBe(0o600);
    expect(await readdir(rig.path())).toEqual(['spool']);
  });

  test('where it cannot be written the file is given up, and says so once', async () => {
    await using rig = await makeSpool();
    await writeFile(rig.dir, 'a file in its place');
    const file = rig.spool.openFile('r-7k3f', 'web01', 'stdout');
    for (let i = 0; i < 100; i++) file.write(new Uint8Array(64 * 1024));
    await file.caughtUp();
    expect(file.isBehind).toBe(false);
    expect(await file.end()).toBeUndefined();
    expect(rig.warnings).toHaveLength(1);
    expect(await readFile(rig.dir, 'utf8')).toBe('a file in its place');
  });

  test('neither writing nor reading follows a link, and only spool files are read', async () => {
    await using rig = await makeSpool();
    await mkdir(rig.path('elsewhere'));
    await writeFile(rig.path('elsewhere', 'web01.stdout'), 'theirs');
    await mkdir(join(rig.dir, 'r-2222'), { recursive: true });
    await symlink(rig.path('elsewhere'), join(rig.dir, 'r-1111'));
    await symlink(rig.path('elsewhere', 'web01.stdout'), join(rig.dir, 'r-2222', 'web01.stdout'));
    for (const runId of ['r-1111', 'r-2222']) {
      const file = rig.spool.openFile(runId, 'web01', 'stdout');
      file.write(text('ours'));
      expect(await file.end()).toBeUndefined();
      expect(await rig.spool.read(`${runId}/web01.stdout`)).toBeUndefined();
    }
    for (const path of ['../elsewhere/web01.stdout', 'r-2222', '/etc/passwd', 'r-9999/none.stdout']) {
      expect(await rig.spool.read(path)).toBeUndefined();
    }
    expect(await readFile(rig.path('elsewhere', 'web01.stdout'), 'utf8')).toBe('theirs');
  });

  test('a sweep takes old runs, and leaves young ones, open ones, and all that is not ours', async () => {
    await using rig = await makeSpool();
    const old = new Date('2026-01-01');
    await mkdir(rig.path('elsewhere'));
    await writeFile(rig.path('elsewhere', 'kept'), '');
    for (const name of ['r-0001', 'r-0002', 'r-0003', 'r-0004', 'notes']) {
      const at = join(rig.dir, name);
      await mkdir(at, { recursive: true });
      await writeFile(join(at, 'web01.stdout'), name);
      // Touched in between: the folder is old, its file is not.
      if (name !== 'r-0003') await utimes(join(at, 'web01.stdout'), old, old);
      if (name === 'r-0001') await symlink(rig.path('elsewhere'), join(at, 'link'));
      if (name !== 'r-0004') await utimes(at, old, old);
    }
    // Its link is as young as the test.
    await symlink(rig.path('elsewhere'), join(rig.dir, 'r-0005'));
    await utimes(rig.path('elsewhere'), old, old);
    const later = Date.now() + 1_000;
    expect(await rig.spool.sweep(Date.parse('2026-02-01'), new Set(['r-0002']))).toBe(0);
    await rm(join(rig.dir, 'r-0001', 'link'));
    await utimes(join(rig.dir, 'r-0001'), old, old);
    expect(await rig.spool.sweep(Date.parse('2026-02-01'), new Set(['r-0002']))).toBe(1);
    expect((await readdir(rig.dir)).sort()).toEqual(['notes', 'r-0002', 'r-0003', 'r-0004', 'r-0005']);
    await symlink(rig.path('elsewhere'), join(rig.dir, 'r-0003', 'link'));
    expect(await rig.spool.sweep(later, new Set(['r-0002']))).toBe(2);
    expect((await readdir(rig.dir)).sort()).toEqual(['notes', 'r-0002', 'r-0005']);
    expect(existsSync(rig.path('elsewhere', 'kept'))).toBe(true);
    expect(rig.warnings).toEqual([]);
  });

  test('a sweep takes the oldest of what is too much, and nothing that is still needed', async () => {
    await using rig = await makeSpool();
    for (const [n, name] of ['r-0001', 'r-0002', 'r-0003', 'r-0004'].entries()) {
      await mkdir(join(rig.dir, name), { recursive: true });
      await writeFile(join(rig.dir, name, 'web01.stdout'), 'x'.repeat(1_000));
      for (const path of [join(rig.dir, name, 'web01.stdout'), join(rig.dir, name)]) {
        await utimes(path, new Date(2026, 0, n + 1), new Date(2026, 0, n + 1));
      }
    }
    const needed = new Set(['r-0001']);
    expect(await rig.spool.sweep(0, needed, 4_000)).toBe(0);
    expect(await rig.spool.sweep(0, needed, 2_500)).toBe(2);
    expect((await readdir(rig.dir)).sort()).toEqual(['r-0001', 'r-0004']);
  });

  test('a sweep of a folder that is not there finds nothing', async () => {
    await using rig = await makeSpool();
    expect(await rig.spool.sweep(Date.now(), new Set())).toBe(0);
    expect(existsSync(rig.dir)).toBe(false);
  });
});

describe.skipIf(!HAS_SSHD)('output beyond the cap, of a real sshd', () => {
  test('all of it is on disk up to the limit, masked, of each stream', async () => {
    await using spool = await makeSpool();
    await using sshd = await startSshd();
    await using rig = await openRig({ spool: spool.spool, secrets: ['hunter2-long'] });
    const outcome = await rig.run(
      keyHost(sshd),
      'head -c 20000000 /dev/zero | tr "\\0" x; (echo hunter2-long; seq 1 100000; echo hunter2-long) >&2',
    );
    const { stdout, stderr } = outcome;
    expect(outcome).toMatchObject({ kind: 'ok', reason: '' });
    expect(stdout).toMatchObject({
      totalBytes: 20_000_000,
      spool: { path: 'r-7k3f/web01.stdout', bytes: 10 * 1024 * 1024 },
    });
    expect(stderr.spool).toEqual({ path: 'r-7k3f/web01.stderr', bytes: stderr.totalBytes });
    expect((await textOf(spool.spool, 'r-7k3f/web01.stdout')) === 'x'.repeat(10 * 1024 * 1024)).toBe(true);
    const lines = Array.from({ length: 100_000 }, (_, i) => `${i + 1}\n`).join('');
    const err = await textOf(spool.spool, 'r-7k3f/web01.stderr');
    expect(err === `[secret]\n${lines}[secret]\n`).toBe(true);
    expect(spool.warnings).toEqual([]);
  });

  test('what fits and what is binary leaves nothing on disk', async () => {
    await using spool = await makeSpool();
    await using sshd = await startSshd();
    await using rig = await openRig({ spool: spool.spool });
    const outcome = await rig.run(keyHost(sshd), 'seq 1 1000; head -c 3000000 /dev/zero >&2');
    expect(outcome.stdout.spool).toBeUndefined();
    expect(outcome.stderr).toMatchObject({ binary: true, totalBytes: 3_000_000 });
    expect(outcome.stderr.spool).toBeUndefined();
    expect(existsSync(spool.dir)).toBe(false);
  });

  test('a disk that takes nothing changes nothing but that there is no file', async () => {
    await using spool = await makeSpool();
    await writeFile(spool.dir, 'a file in its place');
    await using sshd = await startSshd();
    await using rig = await openRig({ spool: spool.spool });
    const outcome = await rig.run(keyHost(sshd), 'seq 1 400000; exit 3');
    expect(outcome).toMatchObject({ kind: 'failed', exitCode: 3, reason: '' });
    expect(outcome.stdout.totalBytes).toBe(2_688_895);
    expect(outcome.stdout.spool).toBeUndefined();
    expect(spool.warnings).toHaveLength(1);
  });

  test('nor does a disk that never answers: the host is read again without it', async () => {
    await using spool = await makeSpool();
    const opening = Promise.withResolvers<FileHandle>();
    let troubles = 0;
    const stuck: SpoolFolder = {
      ...spool.spool,
      openFile: () =>
        writeSpoolFile({
          path: 'r-7k3f/web01.stdout',
          claim: ENDLESS_ROOM.claim('r-7k3f/web01.stdout'),
          open: () => opening.promise,
          remove: () => Promise.resolve(),
          onTrouble: () => void troubles++,
          stallMs: 50,
        }),
    };
    await using sshd = await startSshd();
    await using rig = await openRig({ spool: stuck });
    const outcome = await rig.run(keyHost(sshd), 'seq 1 1000000; seq 1 400000 >&2');
    expect(outcome).toMatchObject({ kind: 'ok', exitCode: 0, reason: '' });
    expect(outcome.stdout.totalBytes).toBe(6_888_896);
    expect(outcome.stdout.tail.endsWith('\n1000000\n')).toBe(true);
    expect(outcome.stderr.totalBytes).toBe(2_688_895);
    expect([outcome.stdout.spool, outcome.stderr.spool]).toEqual([undefined, undefined]);
    expect(troubles).toBe(2);
  });
});
