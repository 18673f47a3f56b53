import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, writeFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { watchScript } from '../../src/ssh/command/wrapping/watch.ts';

/** Which number the kernel gives next: root's to say. */
const LAST_NUMBER = '/proc/sys/kernel/ns_last_pid';

function canChoose(): boolean {
  try {
    accessSync(LAST_NUMBER, constants.W_OK);
    return process.getuid?.() === 0;
  } catch {
    return false;
  }
}

async function isWatching(id: string): Promise<boolean> {
  const numbers = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = numbers.map((number) => readFile(`/proc/${number}/cmdline`, 'utf8').catch(() => ''));
  return (await Promise.all(lines)).some((line) => line.includes(id));
}

/** A process, and leader of its group, under this very number; undefined where another one was quicker each time. */
async function startAs(pid: number): Promise<ChildProcess | undefined> {
  for (let tries = 0; tries < 10; tries++) {
    writeFileSync(LAST_NUMBER, String(pid - 1));
    const started = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' });
    if (started.pid === pid) return started;
    started.kill('SIGKILL');
    await once(started, 'exit');
  }
  return undefined;
}

test('a shell is ended before what it waits for, or it would go on with its next command', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'batchops-after-'));
  const idOf = (n: number) => `0123456789abcdef${n + 100}`;
  const after = (n: number, who: string) => `echo >${folder}/${n}-${who}`;
  const commands = Array.from({ length: 20 }, (_, n) =>
    spawn(
      'sh',
      [
        '-c',
        `${watchScript(idOf(n), 1_000, '$$')}export BATCHOPS_RUN=${idOf(n)};sh -c 'sleep 947; ${after(n, 'inner')}';${after(n, 'outer')}`,
      ],
      { stdio: 'ignore', detached: true, env: { PATH: process.env.PATH } },
    ),
  );
  await Promise.all(commands.map((command) => once(command, 'exit')));
  await vi.waitFor(async () => expect(await isWatching('0123456789abcdef1')).toBe(false), {
    timeout: 20_000,
  });
  expect(await readdir(folder)).toEqual([]);
  await rm(folder, { recursive: true });
}, 40_000);

test.skipIf(!canChoose())(
  'what has the number of a command that is gone is never ended in its place',
  async () => {
    let id = '';
    let other: ChildProcess | undefined;
    // Whoever else was given the number may keep it for as long as it lives: another command has another one.
    for (let round = 0; other === undefined; round++) {
      expect(round, 'no process could be given the number').toBeLessThan(10);
      id = `0123456789abcdef${round + 80}`;
      const command = spawn('sh', ['-c', `${watchScript(id, 1_000, '$$')}exec sleep 0.1`], {
        stdio: 'ignore',
      });
      await once(command, 'exit');
      other = await startAs(command.pid ?? 0);
    }
    try {
      expect(await isWatching(id)).toBe(true);
      await vi.waitFor(async () => expect(await isWatching(id)).toBe(false), { timeout: 20_000 });
      expect([other.exitCode, other.signalCode]).toEqual([null, null]);
    } finally {
      other.kill('SIGKILL');
    }
  },
  40_000,
);
