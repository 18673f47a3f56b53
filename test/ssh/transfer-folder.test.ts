import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Refusal } from '../../src/errors.ts';
import { type JailedFolder, openTransferFolder } from '../../src/ssh/transfer-folder.ts';
import { memoryOrigins } from './memory-origins.ts';

describe('the transfer folder', () => {
  let outside: string;
  let dir: string;
  let folder: JailedFolder;

  beforeEach(async () => {
    outside = await mkdtemp(join(tmpdir(), 'batchops-jail-'));
    dir = join(outside, 'transfers');
    await mkdir(join(dir, 'sub'), { recursive: true });
    await writeFile(join(outside, 'secret.txt'), 'secret');
    await writeFile(join(dir, 'a.txt'), 'hello');
    await writeFile(join(dir, 'sub/b.txt'), 'below');
    folder = openTransferFolder(dir, memoryOrigins());
  });
  afterEach(() => rm(outside, { recursive: true, force: true }));

  async function refusal(asked: Promise<unknown>): Promise<Refusal> {
    const error = await asked.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (!(error instanceof Refusal)) throw new Error(`expected a refusal, got ${String(error)}`);
    return error;
  }

  test("a folder that is made for what is fetched is the bot's alone, whatever the process lets others do", async () => {
    const before = process.umask(0);
    try {
      await folder.makeFolder(['in/deep', 'web1']);
      for (const made of ['in', 'in/deep', 'in/deep/web1']) {
        expect((await stat(join(dir, made))).mode & 0o777, made).toBe(0o700);
      }
    } finally {
      process.umask(before);
    }
  });

  test('a file inside has its size and checksum', async () => {
    const sha256 = createHash('sha256').update('hello').digest('hex');
    expect(await folder.digestSource('a.txt')).toEqual({ bytes: 5, sha256 });
    expect(await folder.digestSource('./a.txt')).toEqual({ bytes: 5, sha256 });
    expect((await folder.digestSource('sub/b.txt')).bytes).toBe(5);
    expect((await folder.digestSource('sub//b.txt')).bytes).toBe(5);
  });

  test.each([
    '../secret.txt',
    'sub/../../secret.txt',
    '..',
    'sub/..',
    '/etc/passwd',
    '~/x',
    '~root/x',
    '\\\\server\\x',
  ])('%s is not a name inside it', async (local) => {
    const { code, message, remedy } = await refusal(folder.digestSource(local));
    expect(code).toBe('not-allowed');
    expect(message).toContain(local);
    expect(remedy).toBeTruthy();
    expect((await refusal(folder.checkDestination(local))).code).toBe('not-allowed');
    expect(await folder.read(local, 1_000)).toBeNull();
  });

  test('links that lead out are not followed, at the end or on the way; links inside are', async () => {
    await symlink('../secret.txt', join(dir, 'out.txt'));
    await symlink('..', join(dir, 'up'));
    await symlink('sub', join(dir, 'in'));
    await symlink('sub/b.txt', join(dir, 'c.txt'));
    for (const local of ['out.txt', 'up/secret.txt']) {
      const { code, message } = await refusal(folder.digestSource(local));
      expect([code, message]).toEqual([
        'not-allowed',
        `${local} is a link that leads out of the transfer folder.`,
      ]);
      expect(await folder.read(local, 1_000)).toBeNull();
    }
    expect((await folder.digestSource('in/b.txt')).bytes).toBe(5);
    expect((await folder.digestSource('c.txt')).bytes).toBe(5);
    expect((await refusal(folder.checkDestination('up'))).code).toBe('not-allowed');
    expect((await refusal(folder.checkDestination('up/new/deep'))).code).toBe('not-allowed');
    expect((await refusal(folder.makeFolder(['up', 'new']))).code).toBe('not-allowed');
    await folder.checkDestination('in/new');
  });

  test.each([
    ['logs\\app.log', 'logs/app.log'],
    ['E:\\files\\a.txt', 'files/a.txt'],
    ['\\tmp\\a', 'tmp/a'],
  ])('a refusal says why and what to write instead: %s', async (local, meant) => {
    expect(await refusal(folder.digestSource(local))).toMatchObject({
      message: `${local}: a backslash is not taken in a name, since it parts folders on Windows and is a letter like any other here.`,
      remedy: `Write / between folders (${meant}); a file that has a backslash in its name has to be renamed.`,
    });
  });

  test('what is not there, a folder, a pipe or a loop is said to be just that', async () => {
    expect(await refusal(folder.digestSource('nothing.txt'))).toMatchObject({
      code: 'unknown-name',
      message: 'There is no nothing.txt in the transfer folder.',
      remedy: 'Put nothing.txt there, then ask again.',
    });
    expect((await refusal(folder.digestSource('sub'))).message).toBe('sub is a folder.');
    execFileSync('mkfifo', [join(dir, 'pipe')]);
    expect((await refusal(folder.digestSource('pipe'))).message).toBe('pipe is not a file.');
    await symlink('loop', join(dir, 'loop'));
    expect((await refusal(folder.digestSource('loop'))).code).toBe('unknown-name');
    expect((await refusal(folder.digestSource(''))).code).toBe('unknown-name');
    expect((await refusal(folder.digestSource('a.txt/b'))).code).toBe('unknown-name');
    expect((await refusal(folder.digestSource('a\0.txt'))).code).toBe('unknown-name');
    expect((await refusal(folder.digestSource('x'.repeat(5_000)))).code).toBe('unknown-name');
  });

  test('a destination may be new; a file in its place is refused', async () => {
    await folder.checkDestination('logs');
    await folder.checkDestination('logs/today/deep');
    await folder.checkDestination('sub');
    expect((await refusal(folder.checkDestination('a.txt'))).message).toContain('there is a file a.txt');
    expect((await refusal(folder.checkDestination('a.txt/below'))).message).toContain(
      'there is a file a.txt',
    );
  });

  test('a fetched file is read up to the limit; gone or too large is nothing', async () => {
    expect(Buffer.from((await folder.read('a.txt', 5)) ?? []).toString()).toBe('hello');
    expect(await folder.read('a.txt', 4)).toBeNull();
    expect(await folder.read('gone', 100)).toBeNull();
    expect(await folder.read('sub', 100)).toBeNull();
  });

  test('the folder itself may be a link, and need not be there yet', async () => {
    await symlink(dir, join(outside, 'linked'));
    expect(
      (await openTransferFolder(join(outside, 'linked'), memoryOrigins()).digestSource('a.txt')).bytes,
    ).toBe(5);
    await openTransferFolder(join(outside, 'not', 'yet'), memoryOrigins()).checkDestination('x');
  });

  test('no name at all gives away what is outside', async () => {
    const part = fc.constantFrom(
      '..',
      '.',
      '',
      'sub',
      'a.txt',
      'secret.txt',
      'up',
      '/',
      '~',
      '\\',
      '\0',
      '%2e%2e',
    );
    await symlink('..', join(dir, 'up'));
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 6 }), async (parts) => {
        const bytes = await folder.read(parts.join('/'), 1_000);
        expect(Buffer.from(bytes ?? []).toString()).not.toBe('secret');
      }),
      { numRuns: 300 },
    );
    expect(await readFile(join(outside, 'secret.txt'), 'utf8')).toBe('secret');
  });
});
