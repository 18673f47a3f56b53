import { mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isTemporaryName, temporaryName } from '../../../src/ssh/part/file-names.ts';
import { sweepHalfFiles } from '../../../src/ssh/part/half-files.ts';

test('what a killed bot left in its own folder is nobody’s either: half files go after a day, nothing else does', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'batchops-half-'));
  const outside = mkdtempSync(join(tmpdir(), 'batchops-half-'));
  try {
    const now = Date.now();
    const place = async (path: string, ageHours: number) => {
      await writeFile(path, 'half');
      await utimes(path, now / 1_000, now / 1_000 - ageHours * 3_600);
    };
    const [old, young, far, theirs] = ['r-7k3f', 'slack', 'r-7k3f', 'r-7k3f'].map(temporaryName);
    if (!old || !young || !far || !theirs) throw new Error('no names');
    await mkdir(join(dir, 'fetched/web01'), { recursive: true });
    await place(join(dir, 'fetched/web01', old), 25);
    await place(join(dir, young), 23);
    await place(join(dir, '.batchops-notes.part'), 99);
    await place(join(outside, far), 99);
    symlinkSync(outside, join(dir, 'link'));
    symlinkSync(join(outside, far), join(dir, theirs));
    expect(await sweepHalfFiles(dir, now)).toBe(1);
    expect(readdirSync(join(dir, 'fetched/web01'))).toEqual([]);
    expect(readdirSync(dir).toSorted()).toEqual(
      ['.batchops-notes.part', young, 'fetched', 'link', theirs].toSorted(),
    );
    expect(readdirSync(outside)).toEqual([far]);
    expect(await sweepHalfFiles(dir, now + 2 * 3_600_000)).toBe(1);
  } finally {
    rmSync(dir, { recursive: true });
    rmSync(outside, { recursive: true });
  }
});

test('a temporary name is known as ours, and no other is', () => {
  for (const owner of ['r-7k3f', 'slack']) expect(isTemporaryName(temporaryName(owner))).toBe(true);
  for (const name of [
    'a.part',
    '.batchops-r-1-zzzzzzzz.part',
    'x.batchops-r-1-00000000.part',
    '.batchops-.part',
  ]) {
    expect(isTemporaryName(name)).toBe(false);
  }
});
