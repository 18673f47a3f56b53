import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Host } from '../../../src/inventory/inventory.ts';
import type { Execution } from '../../../src/ports/hosts.ts';
import type { CopyOptions } from '../../../src/run/plan.ts';
import { openTransferFolder } from '../../../src/ssh/transfer-folder.ts';
import { CAN_ADD_USERS, HAS_SSHD, type Sshd, startSshd } from '../../rigs/sshd.ts';
import { sha256 } from '../copy/copy-rig.ts';
import { memoryOrigins } from '../memory-origins.ts';
import { execution, keyHost, openRig, type TransportRig } from '../rig.ts';

describe.skipIf(!HAS_SSHD)('a folder, to and from a real sshd', () => {
  let sshd: Sshd;
  let rig: TransportRig;
  let remote: string;
  let nth = 0;

  beforeAll(async () => {
    sshd = await startSshd();
    rig = await openRig();
  });
  beforeEach(async () => {
    remote = join(sshd.folder, `files-${nth++}`);
    await mkdir(remote);
  });
  afterAll(async () => {
    expect(rig.errors).toEqual([]);
    await rig[Symbol.asyncDispose]();
    await sshd[Symbol.asyncDispose]();
  });

  const here = (path: string) => join(rig.folder, 'transfers', path);
  async function place(path: string, content: string | Buffer, mode = 0o644) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
    await chmod(path, mode);
  }
  async function put(local: string, to: string, options: CopyOptions = {}, how: Partial<Execution> = {}) {
    const folder = openTransferFolder(join(rig.folder, 'transfers'), memoryOrigins());
    const source = await folder.digestSource(local, true);
    const work = { action: 'put', local, remote: to, source, options: { folder: true, ...options } } as const;
    return await rig.transport.execute(host(), work, execution(how));
  }
  function get(from: string, local: string, options: CopyOptions = {}, how: Partial<Execution> = {}) {
    const work = { action: 'get', local, remote: from, options: { folder: true, ...options } } as const;
    return rig.transport.execute(host(), work, execution(how));
  }
  const host = (more: Partial<Host> = {}) => keyHost(sshd, more);
  const isSame = (one: string, other: string) => execFileSync('diff', ['-r', one, other]).toString() === '';
  const leavings = async (folder: string) =>
    (await readdir(folder, { recursive: true })).filter((name) => name.includes('.batchops-'));

  async function makeSite(name: string) {
    await rm(here(name), { recursive: true, force: true });
    await place(here(`${name}/index.html`), '<p>');
    await place(here(`${name}/.hidden`), 'x');
    await place(here(`${name}/run it.sh`), '#!/bin/sh\n', 0o750);
    await place(here(`${name}/assets/deep/er/logo.bin`), randomBytes(700_000));
    await place(here(`${name}/assets/ünïcode`), '');
    await mkdir(here(`${name}/empty`));
    await symlink('/etc/passwd', here(`${name}/link`));
  }

  test('arrives with all that is in it, hidden and empty ones too; links are left out and said', async () => {
    await makeSite('site');
    const outcome = await put('site', `${remote}/`);
    expect(outcome).toMatchObject({
      kind: 'ok',
      reason: '',
      file: {
        path: join(remote, 'site'),
        bytes: 700_014,
        verified: 'checksum',
        folder: { copied: 5, copiedBytes: 700_014, unchanged: 0, leftOut: 1 },
      },
    });
    await rm(here('site/link'));
    expect(isSame(here('site'), join(remote, 'site'))).toBe(true);
    expect((await stat(join(remote, 'site/run it.sh'))).mode & 0o777).toBe(0o750);
    expect(await leavings(remote)).toEqual([]);
    expect(rig.leftovers.all).toEqual([]);
  });

  test('is sent again only where something differs, and what is there besides stays', async () => {
    await makeSite('again');
    await put('again', join(remote, 'www'));
    await writeFile(join(remote, 'www/theirs'), 'stays');
    // Of the same size: only its checksum tells.
    await writeFile(here('again/index.html'), '<q>');
    const outcome = await put('again', join(remote, 'www'));
    // The folder is there now: it goes into it, by its name.
    expect(outcome.file?.path).toBe(join(remote, 'www/again'));
    await put('again', `${remote}/`);
    await writeFile(here('again/index.html'), '<b>');
    const changed = await put('again', `${remote}/`);
    expect(changed.file).toMatchObject({
      folder: { copied: 1, copiedBytes: 3, unchanged: 4 },
      verified: 'checksum',
    });
    expect(await readFile(join(remote, 'again/index.html'), 'utf8')).toBe('<b>');
    expect(await readFile(join(remote, 'www/theirs'), 'utf8')).toBe('stays');
    expect((await put('again', `${remote}/`)).file?.folder).toMatchObject({ copied: 0, unchanged: 5 });
  });

  test.skipIf(!CAN_ADD_USERS)(
    'what the login cannot read on the host is not taken for unchanged by the checksum of another file',
    async () => {
      await using other = await startSshd({ accounts: [{}] });
      const [user = ''] = other.accounts;
      const www = join(other.folder, 'www');
      // The host has three tools for checksums, each of which tells that of the one file that it can read.
      for (const name of ['a', 'b', 'c']) {
        await place(here(`www/${name}`), 'same');
        await place(join(www, name), name === 'a' ? 'same' : 'else', name === 'a' ? 0o644 : 0o000);
      }
      execFileSync('chown', [user, www]);
      const folder = openTransferFolder(join(rig.folder, 'transfers'), memoryOrigins());
      const source = await folder.digestSource('www', true);
      const outcome = await rig.transport.execute(
        keyHost(other, { user }),
        { action: 'put', local: 'www', remote: `${other.folder}/`, source, options: { folder: true } },
        execution(),
      );
      expect(outcome.file?.folder).toMatchObject({ copied: 3, unchanged: 0 });
      expect(await readFile(join(www, 'b'), 'utf8')).toBe('same');
    },
  );

  test('keeps times with -p, and an older file beside it with -backup', async () => {
    await makeSite('kept');
    const then = new Date('2020-02-02T02:02:02Z');
    await utimes(here('kept/index.html'), then, then);
    await utimes(here('kept/assets'), then, then);
    await put('kept', `${remote}/`, { keep: true });
    expect((await stat(join(remote, 'kept/index.html'))).mtime).toEqual(then);
    expect((await stat(join(remote, 'kept/assets'))).mtime).toEqual(then);
    await writeFile(here('kept/index.html'), 'new');
    await chmod(join(remote, 'kept/index.html'), 0o600);
    const outcome = await put('kept', `${remote}/`, { keep: true, backup: true });
    expect(outcome).toMatchObject({ kind: 'ok', file: { folder: { copied: 1 } } });
    expect(await readFile(join(remote, 'kept/index.html.r-7k3f~'), 'utf8')).toBe('<p>');
    expect(await readFile(join(remote, 'kept/index.html'), 'utf8')).toBe('new');
    expect((await stat(join(remote, 'kept/index.html'))).mode & 0o777).toBe(0o644);
    expect((await readdir(join(remote, 'kept'))).filter((name) => name.endsWith('~'))).toEqual([
      'index.html.r-7k3f~',
    ]);
  });

  test('makes missing folders with -mkdir only', async () => {
    await makeSite('made');
    const to = join(remote, 'a/b/c/');
    expect((await put('made', to)).reason).toBe(`there is no folder ${to} on the host; -mkdir makes it`);
    expect(await readdir(remote)).toEqual([]);
    expect((await put('made', to, { makeFolders: true })).file?.path).toBe(join(remote, 'a/b/c/made'));
  });

  test('a path that leads past a missing folder to a file that is there keeps that one with -backup', async () => {
    await place(here('conf'), 'new');
    await place(join(remote, 'conf'), 'old', 0o600);
    const outcome = await put('conf', `${remote}/missing/../conf`, { makeFolders: true, backup: true });
    expect(outcome).toMatchObject({ kind: 'ok', file: { path: join(remote, 'conf') } });
    const [kept = ''] = (await readdir(remote)).filter((name) => name.endsWith('~'));
    expect(await readFile(join(remote, kept), 'utf8')).toBe('old');
    expect((await stat(join(remote, 'conf'))).mode & 0o777).toBe(0o600);
  });

  test('touches nothing where the rules do not reach one of its files, or something is in the way', async () => {
    await makeSite('jail');
    const mayTouch = (path: string) => path.startsWith(`${remote}/`) && !path.endsWith('.hidden');
    const refused = await put('jail', `${remote}/`, {}, { mayTouch });
    expect(refused).toMatchObject({ kind: 'transfer-failed' });
    expect(refused.reason).toContain(
      `leads to ${remote}/jail/.hidden on the host, where your rules do not reach`,
    );
    expect(await readdir(remote)).toEqual([]);
    await mkdir(join(remote, 'jail'));
    await symlink('/etc', join(remote, 'jail/assets'));
    expect((await put('jail', `${remote}/`)).reason).toBe(
      `${remote}/jail/assets is a symbolic link; nothing was sent`,
    );
    expect(await readdir(join(remote, 'jail'))).toEqual(['assets']);
  });

  test('is not sent where it has changed since the run was approved, and nothing of it is in place', async () => {
    await makeSite('changed');
    const folder = openTransferFolder(join(rig.folder, 'transfers'), memoryOrigins());
    const source = await folder.digestSource('changed', true);
    await writeFile(here('changed/index.html'), '<i>');
    const outcome = await rig.transport.execute(
      host(),
      { action: 'put', local: 'changed', remote: `${remote}/`, source, options: { folder: true } },
      execution(),
    );
    expect(outcome.reason).toContain(
      'changed has changed since the run was approved; nothing was put in place',
    );
    expect(await readdir(remote)).toEqual([]);
  });

  test('is fetched with all that is in it, and once more only where something differs', async () => {
    await makeSite('there');
    await put('there', `${remote}/`);
    await symlink('/etc/passwd', join(remote, 'there/link'));
    await writeFile(join(remote, 'there/new\nline'), 'x');
    await mkdir(join(remote, 'there/~old'));
    const outcome = await get(join(remote, 'there/'), 'fetched');
    expect(outcome).toMatchObject({
      kind: 'ok',
      file: {
        path: 'fetched/web01/there',
        bytes: 700_014,
        verified: 'checksum',
        folder: { copied: 5, unchanged: 0, leftOut: 1 },
      },
      reason: 'left out: "new\\nline", which no file can be called here',
    });
    expect(await readFile(here('fetched/web01/there/assets/deep/er/logo.bin'))).toEqual(
      await readFile(here('there/assets/deep/er/logo.bin')),
    );
    expect(await readdir(here('fetched/web01/there'))).toEqual(
      expect.arrayContaining(['.hidden', 'assets', 'empty', 'index.html', 'run it.sh', '~old']),
    );
    await writeFile(join(remote, 'there/index.html'), '<b>');
    expect((await get(join(remote, 'there'), 'fetched')).file?.folder).toMatchObject({
      copied: 1,
      unchanged: 4,
    });
    expect(await readFile(here('fetched/web01/there/index.html'), 'utf8')).toBe('<b>');
    expect(await leavings(here('fetched'))).toEqual([]);
  });

  test('a fetch that the rules or the limit do not allow as a whole brings nothing', async () => {
    await place(join(remote, 'logs/a'), 'a');
    await place(join(remote, 'logs/secret/b'), Buffer.alloc(2_000));
    const mayTouch = (path: string) => !path.includes('/secret');
    expect((await get(join(remote, 'logs'), 'none', {}, { mayTouch })).reason).toContain(
      'your rules do not reach',
    );
    await using small = await openRig({ maxFetchBytes: 1_000 });
    const outcome = await small.transport.execute(
      host(),
      { action: 'get', local: 'none', remote: join(remote, 'logs'), options: { folder: true } },
      execution(),
    );
    expect(outcome.reason).toContain('larger than the 1000 bytes');
    expect(await leavings(rig.folder)).toEqual([]);
  });

  // Two thousand steps on disks that others may be busy with.
  test('five hundred small files go there and back, and the second time none of them', async () => {
    for (let i = 0; i < 500; i++) await place(here(`many/${i % 10}/f${i}`), `${i}`);
    expect((await put('many', `${remote}/`)).file?.folder).toMatchObject({ copied: 500, unchanged: 0 });
    expect((await put('many', `${remote}/`)).file?.folder).toMatchObject({ copied: 0, unchanged: 500 });
    expect((await get(join(remote, 'many'), 'back')).file?.folder).toMatchObject({ copied: 500 });
    expect(isSame(here('many'), here('back/web01/many'))).toBe(true);
  }, 90_000);

  test('a cancel in the middle leaves no file in place and nothing behind', async () => {
    await place(here('big/a'), Buffer.alloc(30_000_000));
    await place(here('big/b'), randomBytes(30_000_000));
    const stop = new AbortController();
    const running = put('big', `${remote}/`, {}, { signal: stop.signal });
    await expect.poll(() => leavings(remote), { interval: 2, timeout: 20_000 }).not.toEqual([]);
    stop.abort('cancelled');
    expect(await running).toMatchObject({ kind: 'cancelled' });
    expect(await readdir(remote, { recursive: true })).toEqual(['big']);
    expect(rig.leftovers.all).toEqual([]);
  });

  test('-resume goes on with what a broken copy left, of a file and of a folder, and only where it is the same', async () => {
    const bytes = randomBytes(3_000_000);
    await place(here('half.bin'), bytes);
    await writeFile(
      join(remote, '.batchops-r-dead-00000001.part'),
      Buffer.from(bytes).fill(0, 0, 10).subarray(0, 2_900_000),
    );
    await writeFile(join(remote, '.batchops-r-dead-00000002.part'), bytes.subarray(0, 2_000_001));
    await writeFile(join(remote, '.batchops-r-else-00000003.part'), bytes.subarray(0, 2_500_000));
    for (const nth of ['1', '2']) {
      await rig.leftovers.note({
        host: 'web01',
        path: join(remote, `.batchops-r-dead-0000000${nth}.part`),
        runId: 'r-dead',
        belongsAt: null,
      });
    }
    const folder = openTransferFolder(join(rig.folder, 'transfers'), memoryOrigins());
    const source = await folder.digestSource('half.bin');
    const outcome = await rig.transport.execute(
      host(),
      { action: 'put', local: 'half.bin', remote: `${remote}/`, source, options: { resume: true } },
      execution(),
    );
    expect(outcome).toMatchObject({
      kind: 'ok',
      reason: 'went on behind the 2000001 bytes that a broken copy had left',
      file: { verified: 'checksum', bytes: 3_000_000 },
    });
    expect((await readFile(join(remote, 'half.bin'))).equals(bytes)).toBe(true);
    // What is on record is gone; what is not is nobody's to touch.
    expect((await readdir(remote)).toSorted()).toEqual(['.batchops-r-else-00000003.part', 'half.bin']);
    expect(rig.leftovers.all).toEqual([]);

    await makeSite('broken');
    const logo = await readFile(here('broken/assets/deep/er/logo.bin'));
    const staging = join(remote, 'broken/.batchops-r-dead-00000004.part');
    await mkdir(staging, { recursive: true });
    await writeFile(join(staging, sha256(logo)), logo, { mode: 0o600 });
    await writeFile(join(staging, sha256('<p>')), '<q>');
    await writeFile(join(staging, sha256('something that is gone here')), 'x');
    await rig.leftovers.note({ host: 'web01', path: staging, runId: 'r-dead', belongsAt: null });
    const again = await put('broken', `${remote}/`, { resume: true });
    expect(again).toMatchObject({
      kind: 'ok',
      reason: '1 of them had come with a broken copy',
      file: { verified: 'checksum', folder: { copied: 5 } },
    });
    await rm(here('broken/link'));
    expect(isSame(here('broken'), join(remote, 'broken'))).toBe(true);
    expect((await stat(join(remote, 'broken/assets/deep/er/logo.bin'))).mode & 0o777).toBe(0o644);
    expect(rig.leftovers.all).toEqual([]);
  });

  test('what a broken copy of a folder left is removed by the next job on the host', async () => {
    const staging = join(remote, '.batchops-r-dead-00000005.part');
    await mkdir(staging);
    await writeFile(join(staging, sha256('a')), 'a');
    await writeFile(join(staging, `${sha256('a')}.1`), 'a');
    await rig.leftovers.note({ host: 'web01', path: staging, runId: 'r-dead', belongsAt: null });
    expect((await rig.run(host(), 'true')).kind).toBe('ok');
    expect(await readdir(remote)).toEqual([]);
    // Something else in it: it stays, and is said.
    await mkdir(join(staging, 'theirs'), { recursive: true });
    await rig.leftovers.note({ host: 'web01', path: staging, runId: 'r-dead', belongsAt: null });
    expect((await rig.run(host(), 'true')).reason).toContain('a temporary file of r-dead is left');
    expect(await readdir(staging)).toEqual(['theirs']);
    await rig.leftovers.forget({ host: 'web01', path: staging, runId: 'r-dead', belongsAt: null });
  });
});
