import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { KeptFile } from '../../src/ports/disk.ts';
import { openTransferFolder } from '../../src/ssh/transfer-folder.ts';
import { memoryOrigins } from './memory-origins.ts';

const ORIGIN = { kind: 'shared', id: 'F1', by: 'U0ANN' } as const;

function openRig() {
  const dir = mkdtempSync(join(tmpdir(), 'batchops-keep-'));
  return {
    dir,
    folder: openTransferFolder(dir, memoryOrigins()),
    [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }),
  };
}

function chunks(...texts: readonly string[]): KeptFile {
  return {
    bytes: texts.join('').length,
    async open() {
      return (async function* () {
        for (const text of texts) yield Buffer.from(text);
      })();
    },
  };
}

const broken = (): KeptFile => ({
  bytes: 8,
  async open() {
    return (async function* () {
      yield Buffer.from('half');
      throw new Error('cut off');
    })();
  },
});

test('a file that is kept stands there whole, and the same name takes its place', async () => {
  using rig = openRig();
  await rig.folder.keep('slack/F1/a.txt', chunks('one ', 'two'), ORIGIN);
  expect(readFileSync(join(rig.dir, 'slack/F1/a.txt'), 'utf8')).toBe('one two');
  await rig.folder.keep('slack/F1/a.txt', chunks('three'), ORIGIN);
  expect(readFileSync(join(rig.dir, 'slack/F1/a.txt'), 'utf8')).toBe('three');
  expect(readdirSync(join(rig.dir, 'slack/F1'))).toEqual(['a.txt']);
  expect((await rig.folder.digestSource('slack/F1/a.txt')).bytes).toBe(5);
});

test('of a file that breaks off nothing is left, and what stood there before stays', async () => {
  using rig = openRig();
  await rig.folder.keep('a.txt', chunks('before'), ORIGIN);
  await expect(rig.folder.keep('a.txt', broken(), ORIGIN)).rejects.toThrow('cut off');
  expect(readFileSync(join(rig.dir, 'a.txt'), 'utf8')).toBe('before');
  expect(readdirSync(rig.dir)).toEqual(['a.txt']);
});

test('no name and no link leads out of the folder', async () => {
  using rig = openRig();
  const outside = mkdtempSync(join(tmpdir(), 'batchops-outside-'));
  symlinkSync(outside, join(rig.dir, 'link'));
  mkdirSync(join(rig.dir, 'sub'));
  for (const name of ['../a', '/etc/a', 'sub/../../a', 'link/a', '']) {
    await expect(rig.folder.keep(name, chunks('x'), ORIGIN)).rejects.toThrow();
  }
  expect(readdirSync(outside)).toEqual([]);
  rmSync(outside, { recursive: true });
});
