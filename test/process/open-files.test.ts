import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { inspectConfig, limitsOf } from '../../src/config/config.ts';
import { fitOpenFiles, shareOpenFiles } from '../../src/process/open-files.ts';

const PROGRAM = new URL('../../src/process/open-files.ts', import.meta.url).href;

function limitUnder(ulimit: string): number {
  const program = `import { openFilesLimit } from '${PROGRAM}'; console.log(openFilesLimit())`;
  const words = ['-c', `${ulimit}; exec "$0" --input-type=module -e "$1"`, process.execPath, program];
  return Number(spawnSync('/bin/sh', words, { encoding: 'utf8' }).stdout);
}

test('a low soft limit is raised to the hard one by itself, a low hard one is what there is', () => {
  expect(limitUnder('ulimit -n 600; ulimit -S -n 300')).toBe(600);
  expect(limitUnder('ulimit -n 256')).toBe(256);
});

test('jobs, kept connections and the rest of the bot never need more files than there are', () => {
  for (const limit of [132, 256, 1_024, 65_536]) {
    const files = shareOpenFiles(limit);
    for (const jobs of [1, Math.min(100, files.jobs), files.jobs])
      expect(files.kept(jobs) + 4 * jobs + 128).toBeLessThanOrEqual(limit);
  }
  expect(shareOpenFiles(1_024).kept(0)).toBe(896);
  expect(shareOpenFiles(16)).toMatchObject({ jobs: 1 });
});

test('where there are too few files, all and each person get fewer jobs at once; else nothing is changed', () => {
  const { config } = inspectConfig({});
  expect(fitOpenFiles(config, shareOpenFiles(1_024))).toBe(config);
  const fitted = fitOpenFiles(config, shareOpenFiles(256));
  expect([fitted.concurrency, fitted.person.slots]).toEqual([32, 24]);
  expect(limitsOf(config, config, 1_024).room).toBeUndefined();
  expect(limitsOf(config, fitted, 256)).toMatchObject({
    maxFanOut: 100,
    fanOut: 64,
    room: { jobs: 32, openFiles: 256 },
  });
});
