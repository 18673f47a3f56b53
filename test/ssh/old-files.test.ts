import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import type { Origins } from '../../src/ports/disk.ts';
import type { Origin } from '../../src/run/plan.ts';
import { fileSweeps } from '../../src/ssh/file-sweeps.ts';
import { sweepOldFiles } from '../../src/ssh/part/old-files.ts';
import { openSpoolFolder } from '../../src/ssh/spool/spool-folder.ts';
import { openRig, openRun, quiet } from '../store/rig.ts';
import { memoryOrigins } from './memory-origins.ts';

const FETCHED: Origin = { kind: 'fetched', host: 'web1', path: '/etc/motd', by: 'U0ANN' };
const SHARED: Origin = { kind: 'shared', id: 'F1', by: 'U0ANN' };

const markOf = (dir: string, name: string) => {
  const { size, mtimeMs } = lstatSync(join(dir, name));
  return { bytes: size, changedAt: Math.trunc(mtimeMs) };
};

/** As a copy does that puts a file there. */
async function record(origins: Origins, dir: string, name: string, origin: Origin): Promise<void> {
  await origins.claim(name, origin);
  await origins.settle(name, origin, markOf(dir, name));
}

test('what the bot put into the transfer folder goes when it is old; what others did, is in use, or is a link, stays', async () => {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'batchops-old-')));
  try {
    const origins = memoryOrigins();
    const put = async (name: string, origin?: Origin): Promise<void> => {
      mkdirSync(dirname(join(dir, name)), { recursive: true });
      writeFileSync(join(dir, name), 'x');
      if (origin !== undefined) await record(origins, dir, name, origin);
    };
    await put('slack/F1/a.txt', SHARED);
    await put('slack/F2/in-use.txt', SHARED);
    await put('slack/F3/by-hand.txt');
    await put('took/web1/motd', FETCHED);
    await put('placed.txt');
    await put('sent/whole/web1/motd', FETCHED);
    const outside = mkdtempSync(join(tmpdir(), 'batchops-outside-'));
    writeFileSync(join(outside, 'kept'), 'x');
    symlinkSync(outside, join(dir, 'link'));

    const sweep = (before: { uploadedBefore?: number; fetchedBefore?: number }): Promise<number> =>
      sweepOldFiles({
        dir,
        origins,
        uploadedBefore: Number.NEGATIVE_INFINITY,
        fetchedBefore: Number.NEGATIVE_INFINITY,
        inUse: new Set(['slack/F2/in-use.txt', 'sent/whole']),
        ...before,
      });
    const there = (): readonly string[] =>
      [
        'slack/F1/a.txt',
        'slack/F2/in-use.txt',
        'slack/F3/by-hand.txt',
        'took/web1/motd',
        'placed.txt',
      ].filter((name) => existsSync(join(dir, name)));
    expect(await sweep({})).toBe(0);
    expect(await sweep({ uploadedBefore: Date.now() - 60_000, fetchedBefore: Date.now() - 60_000 })).toBe(0);
    expect(await sweep({ uploadedBefore: Date.now() + 60_000 })).toBe(1);
    expect(there()).toEqual(['slack/F2/in-use.txt', 'slack/F3/by-hand.txt', 'took/web1/motd', 'placed.txt']);
    expect(existsSync(join(dir, 'slack/F1'))).toBe(false);
    expect(await sweep({ fetchedBefore: Date.now() + 60_000 })).toBe(1);
    expect(there()).toEqual(['slack/F2/in-use.txt', 'slack/F3/by-hand.txt', 'placed.txt']);
    expect(existsSync(join(dir, 'sent/whole/web1/motd'))).toBe(true);
    expect(existsSync(join(outside, 'kept'))).toBe(true);
    rmSync(outside, { recursive: true });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

test('what a run is still to send stays, however its name was typed, also through a link', async () => {
  await using rig = await openRig();
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'batchops-old-')));
  try {
    const names = ['slack/F1/a.txt', ...[1, 2, 3, 4, 5].map((n) => `took/web${n}/motd`)];
    for (const name of names) {
      mkdirSync(dirname(join(dir, name)), { recursive: true });
      writeFileSync(join(dir, name), 'x');
      await record(rig.store.origins, dir, name, name.startsWith('slack') ? SHARED : FETCHED);
    }
    symlinkSync(join(dir, 'took'), join(dir, 'link'));
    const source = { bytes: 1, sha256: 'a'.repeat(64) };
    const script = { local: 'took/web4/motd', source, args: [] };
    const stdin = { local: 'took//web5/motd', source };
    await openRun(rig.store, { work: { action: 'run', command: '', script, stdin } });
    for (const local of ['./slack//F1/a.txt', 'took/./web1/motd', 'link/web2/motd', 'gone.txt']) {
      await openRun(rig.store, { work: { action: 'put', local, remote: '/tmp/x', source } });
    }
    const [, files] = fileSweeps({
      store: rig.store,
      spool: openSpoolFolder(join(dir, 'spool'), quiet),
      transfersDir: dir,
      keep: { spoolMs: 0, uploadMs: -60_000, fetchedMs: -60_000 },
      spoolBytes: 1,
    });
    expect(await files?.sweep()).toBe(1);
    expect(names.filter((name) => !existsSync(join(dir, name)))).toEqual(['took/web3/motd']);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

test('a file that has just come in the place of an old one stays', async () => {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'batchops-old-')));
  try {
    writeFileSync(join(dir, 'motd'), 'old');
    const fetchedBefore = Date.now() + 30;
    const removed = await sweepOldFiles({
      dir,
      origins: {
        async list() {
          do {
            writeFileSync(join(dir, 'part'), 'new');
            renameSync(join(dir, 'part'), join(dir, 'motd'));
          } while (lstatSync(join(dir, 'motd')).ctimeMs < fetchedBefore);
          return [FETCHED];
        },
        isAsPut: async () => true,
      },
      uploadedBefore: Number.NEGATIVE_INFINITY,
      fetchedBefore,
      inUse: new Set(),
    });
    expect(removed).toBe(0);
    expect(readFileSync(join(dir, 'motd'), 'utf8')).toBe('new');
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

test('what an administrator put in the place of a fetched file, or changed in it, stays', async () => {
  await using rig = await openRig();
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'batchops-old-')));
  try {
    const names = ['as-put', 'replaced', 'edited', 'half-recorded'];
    for (const name of names) {
      writeFileSync(join(dir, name), 'fetched');
      await rig.store.origins.claim(name, FETCHED);
      if (name !== 'half-recorded') await rig.store.origins.settle(name, FETCHED, markOf(dir, name));
    }
    writeFileSync(join(dir, 'new'), 'by hand');
    utimesSync(join(dir, 'new'), 1, 1);
    renameSync(join(dir, 'new'), join(dir, 'replaced'));
    writeFileSync(join(dir, 'edited'), 'fetched, and edited');
    const removed = await sweepOldFiles({
      dir,
      origins: rig.store.origins,
      uploadedBefore: Number.NEGATIVE_INFINITY,
      fetchedBefore: Date.now() + 60_000,
      inUse: new Set(),
    });
    expect(removed).toBe(1);
    expect(names.filter((name) => existsSync(join(dir, name)))).toEqual([
      'replaced',
      'edited',
      'half-recorded',
    ]);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
