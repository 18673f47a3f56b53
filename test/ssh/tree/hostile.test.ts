import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import ssh2, { type SFTPWrapper } from 'ssh2';
import { describe, expect, test } from 'vitest';
import type { CopyOptions } from '../../../src/run/plan.ts';
import { openTransferFolder } from '../../../src/ssh/transfer-folder.ts';
import { openMemory } from '../copy/copy-rig.ts';
import type { SftpScript } from '../copy/memory-sftp.ts';
import { memoryOrigins } from '../memory-origins.ts';
import { execution, openRig } from '../rig.ts';

const { STATUS_CODE } = ssh2.utils.sftp;
const FOLDER = { mode: 0o040755, size: 0, uid: 0, gid: 0, atime: 0, mtime: 0 };
const FILE = { ...FOLDER, mode: 0o100644, size: 1 };

type Listing = (
  path: string,
  asked: number,
) => readonly { readonly name: string; readonly isFolder?: boolean }[];

/** A host that lists what it likes; every path is a folder. */
function listing(list: Listing): Partial<SftpScript> {
  const open = new Map<string, { readonly path: string; asked: number }>();
  return {
    onRequest(name: string, id: number, sftp: SFTPWrapper, args: readonly unknown[]) {
      const path = String(args[0]);
      switch (name) {
        case 'REALPATH':
          sftp.name(id, [{ filename: path, longname: path, attrs: FOLDER }]);
          return true;
        case 'LSTAT':
        case 'STAT':
          sftp.attrs(id, FOLDER);
          return true;
        case 'OPENDIR': {
          const handle = `d${open.size}`;
          open.set(handle, { path, asked: 0 });
          sftp.handle(id, Buffer.from(handle));
          return true;
        }
        case 'READDIR': {
          const folder = open.get(path);
          const names = folder === undefined ? [] : list(folder.path, folder.asked++);
          if (names.length === 0) sftp.status(id, STATUS_CODE.EOF);
          else {
            sftp.name(
              id,
              names.map(({ name: filename, isFolder }) => ({
                filename,
                longname: filename,
                attrs: isFolder === true ? FOLDER : FILE,
              })),
            );
          }
          return true;
        }
        default:
          return false;
      }
    },
  };
}

async function fetchFrom(script: Partial<SftpScript>) {
  await using memory = await openMemory(script);
  await using rig = await openRig({ copyLimits: { lastStepMs: 2_000, optionalStepMs: 100 } });
  const outcome = await rig.transport.execute(
    memory.host,
    { action: 'get', local: 'x', remote: '/srv/site', options: { folder: true } },
    execution({ timeLimitMs: 2_000 }),
  );
  expect(rig.errors).toEqual([]);
  const brought = await readdir(join(rig.folder, 'transfers'), {
    recursive: true,
    withFileTypes: true,
  }).catch(() => []);
  expect(brought.filter((entry) => entry.isFile())).toEqual([]);
  return outcome;
}

describe('a host that lists what it likes', () => {
  test.each(['../../etc/passwd', 'a/b', '/etc/passwd'])(
    'a name that leads elsewhere, %s: nothing is fetched',
    async (name) => {
      const outcome = await fetchFrom(listing((_, asked) => (asked === 0 ? [{ name }] : [])));
      expect(outcome).toMatchObject({
        kind: 'transfer-failed',
        reason: `the host lists ${JSON.stringify(name)} in /srv/site, which is no name of a file; nothing was fetched`,
      });
    },
  );

  test('without end, in one folder: ended at the limit', async () => {
    const outcome = await fetchFrom(
      listing((_, asked) => Array.from({ length: 500 }, (__, i) => ({ name: `f${asked}-${i}` }))),
    );
    expect(outcome.kind).toBe('transfer-failed');
    expect(outcome.reason).toContain(
      '/srv/site holds more than 10000 files and folders; nothing was fetched',
    );
  });

  test('folders without end, each in the other: ended at the limit', async () => {
    const outcome = await fetchFrom(
      listing((_, asked) => (asked === 0 ? [{ name: 'd', isFolder: true }] : [])),
    );
    expect(outcome.reason).toContain('/srv/site holds folders within folders more than 32 deep');
  });

  test('nothing but . and .. for ever: ended', async () => {
    const outcome = await fetchFrom(listing(() => [{ name: '.' }, { name: '..' }]));
    expect(outcome).toMatchObject({
      kind: 'transfer-failed',
      reason: 'listing /srv/site: the host lists nothing, and comes to no end',
    });
  });
});

describe('a folder on its way to a host with its own ideas', () => {
  async function send(script: Partial<SftpScript>, options: CopyOptions = {}) {
    await using memory = await openMemory(script);
    await using rig = await openRig({ copyLimits: { lastStepMs: 500, optionalStepMs: 100 } });
    await mkdir(join(rig.folder, 'transfers/site'), { recursive: true });
    await writeFile(join(rig.folder, 'transfers/site/a'), 'aaa');
    await writeFile(join(rig.folder, 'transfers/site/b'), 'bbb');
    const folder = openTransferFolder(join(rig.folder, 'transfers'), memoryOrigins());
    const source = await folder.digestSource('site', true);
    const outcome = await rig.transport.execute(
      memory.host,
      { action: 'put', local: 'site', remote: '/tmp/', source, options: { folder: true, ...options } },
      execution({ timeLimitMs: 2_000 }),
    );
    expect(rig.errors).toEqual([]);
    return outcome;
  }

  test('that makes no folder: nothing is sent, in words', async () => {
    const outcome = await send({});
    expect(outcome).toMatchObject({ kind: 'transfer-failed' });
    expect(outcome.reason).toContain('making the folder /tmp/site: ');
  });
});

test('a folder with more files than are copied is refused before anything is asked of a host', async () => {
  await using rig = await openRig();
  const dir = join(rig.folder, 'transfers');
  await mkdir(join(dir, 'deep', ...Array(33).fill('d')), { recursive: true });
  const folder = openTransferFolder(dir, memoryOrigins());
  await expect(folder.digestSource('deep', true)).rejects.toThrow(
    'deep holds folders within folders more than 32 deep.',
  );
  await mkdir(join(dir, 'wide'));
  for (let i = 0; i <= 10_000; i += 1) await writeFile(join(dir, 'wide', `${i}`), '');
  await expect(folder.digestSource('wide', true)).rejects.toThrow(
    'wide holds more than 10000 files and folders.',
  );
  await expect(folder.digestSource('deep')).rejects.toThrow('deep is a folder.');
});
