import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { createDefectHandler } from '../../src/process/defects.ts';

const SINK = new URL('../../src/process/log/log-sink.ts', import.meta.url).pathname;

/** Writes 16 MiB of lines over some turns, then tells on stderr how it went. */
const TALKER = `
const { openLogSink } = await import(${JSON.stringify(SINK)});
const sink = openLogSink(process.stdout);
const before = process.memoryUsage.rss();
let turns = 0;
for (let i = 0; i < 16; i += 1) {
  for (let j = 0; j < 1024; j += 1) sink.write('x'.repeat(1023) + '\\n');
  await new Promise((resolve) => setTimeout(resolve, 1));
  turns += 1;
}
const grownMiB = (process.memoryUsage.rss() - before) / 1024 / 1024;
process.stderr.write(JSON.stringify({ lost: sink.lost(), turns, grownMiB }), () => process.exit());
`;

test('a log whose reader never reads holds up nobody, and no more than a little of it is kept in memory', async () => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', TALKER], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let told = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    told += text;
  });
  // Nobody reads stdout: the pipe holds 64 KiB.
  await once(child, 'exit');
  const { lost, turns, grownMiB } = JSON.parse(told);
  expect(turns).toBe(16);
  expect(lost).toBeGreaterThan(14 * 1024);
  expect(lost).toBeLessThan(15.5 * 1024);
  expect(grownMiB).toBeLessThan(64);
});

test('a defect that comes while telling of a defect is not told, and the shutdown begins once', () => {
  const told: unknown[] = [];
  let begun = 0;
  const onDefect = createDefectHandler({
    log(error) {
      told.push(error);
      onDefect(new Error('of the log'));
      throw new Error('of the log');
    },
    onFirst: () => {
      begun += 1;
    },
  });
  expect(() => onDefect(new Error('first'))).not.toThrow();
  expect(begun).toBe(1);
  for (let i = 0; i < 1_000; i += 1) onDefect(new Error('again'));
  expect(begun).toBe(1);
  expect(told.length).toBeLessThan(30);
});
