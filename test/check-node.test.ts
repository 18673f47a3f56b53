import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const CHECK = new URL('../src/check-node.cjs', import.meta.url).pathname;
const SAY_WHERE = 'process.stdout.write(String(require("node:module").getCompileCacheDir()))';

const start = (check: string): string =>
  execFileSync(process.execPath, ['-r', check, '-e', SAY_WHERE], { encoding: 'utf8' });

test('what Node compiled is kept beside the packages, which only they may change who may change the code', () => {
  expect(start(CHECK)).toContain(join(CHECK, '../../node_modules/.cache/batchops/'));
});

test('where nothing can be written there, it starts without', () => {
  const folder = mkdtempSync(join(tmpdir(), 'batchops-check-'));
  try {
    mkdirSync(join(folder, 'src'));
    copyFileSync(CHECK, join(folder, 'src/check-node.cjs'));
    writeFileSync(join(folder, 'node_modules'), 'not a folder');
    expect(start(join(folder, 'src/check-node.cjs'))).toBe('undefined');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
