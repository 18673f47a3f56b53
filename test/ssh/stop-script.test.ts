import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { parseStopAnswer, type StopOrder, stopLine } from '../../src/ssh/command/stop/stop-script.ts';
import { hasShell, openShell, SHELL_NAMES } from '../rigs/shells.ts';

const ID = '0123456789abcdef01';

interface Sleep extends AsyncDisposable {
  readonly pid: number;
  isAlive(): boolean;
}

/** A process of a session of its own, which neither we nor what we start is the parent of. */
async function startSleep(env: NodeJS.ProcessEnv = {}): Promise<Sleep> {
  const parent = spawn('sh', ['-c', 'setsid sleep 944 & echo $!; wait'], {
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
    env: { PATH: process.env.PATH, ...env },
  });
  const [pid] = (await once(parent.stdout, 'data')).map(Number);
  const isAlive = () => parent.exitCode === null && parent.signalCode === null;
  return {
    pid: pid ?? 0,
    isAlive,
    async [Symbol.asyncDispose]() {
      if (!isAlive()) return;
      const ended = once(parent, 'exit');
      process.kill(pid ?? 0, 'SIGKILL');
      await ended;
    },
  };
}

async function stop(order: Partial<StopOrder> & { readonly leader: number }) {
  await using rig = await openShell('sh');
  const { stdout } = await rig.run(stopLine({ id: ID, graceMs: 500, ...order }));
  return parseStopAnswer(ID, stdout);
}

describe('the script that stops a command', () => {
  test('ends what bears the mark, whoever its parent and session are', async () => {
    await using marked = await startSleep({ BATCHOPS_RUN: ID });
    expect(await stop({ leader: 999_999_999 })).toBe('gone');
    await vi.waitFor(() => expect(marked.isAlive()).toBe(false));
  });

  test('ends a shell before what it waits for, or it would go on with its next command', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'batchops-after-'));
    const shells = Array.from({ length: 40 }, (_, n) =>
      spawn('sh', ['-c', `sh -c 'sleep 946; echo >${folder}/${n}-inner'; echo >${folder}/${n}`], {
        stdio: 'ignore',
        env: { PATH: process.env.PATH, BATCHOPS_RUN: ID },
      }),
    );
    const ended = shells.map((shell) => once(shell, 'exit'));
    expect(await stop({ leader: 999_999_999, graceMs: 5_000 })).toBe('gone');
    await Promise.all(ended);
    expect(await readdir(folder)).toEqual([]);
    await rm(folder, { recursive: true });
  });

  test('never touches a process that has the leader’s number by now, nor one of another command', async () => {
    await using reused = await startSleep();
    await using other = await startSleep({ BATCHOPS_RUN: 'fedcba9876543210fe' });
    expect(await stop({ leader: reused.pid })).toBe('gone');
    expect([reused.isAlive(), other.isAlive()]).toEqual([true, true]);
  });

  test('without /proc it ends the process group, and claims no more', async () => {
    await using rig = await openShell('sh');
    // As sshd does it: one process starts the command, and then the script.
    const order = stopLine({ id: ID, leader: 0, graceMs: 500, proc: '/nowhere' }).replaceAll("'0'", '$p');
    const { stdout } = await rig.run(
      `setsid sleep 945 & p=$!; sleep 0.2; ${order.replaceAll('exec sh', 'sh')}`,
    );
    expect(parseStopAnswer(ID, stdout)).toBe('group-gone');
    await using reused = await startSleep();
    expect(await stop({ leader: reused.pid, proc: '/nowhere' })).toBeUndefined();
    expect(reused.isAlive()).toBe(true);
  });

  test('where the host hides what is not the account’s own, it claims only what the account can see', async () => {
    await using hidden = await startSleep({ BATCHOPS_RUN: ID });
    const proc = await mkdtemp(join(tmpdir(), 'batchops-proc-'));
    await using rig = await openShell('sh');
    // As `hidepid=2` shows it: what is one's own and nothing else, not even the first process.
    const order = stopLine({ id: ID, leader: 999_999_999, graceMs: 500, proc });
    const { stdout } = await rig.run(`ln -s /proc/self /proc/$$ ${proc}/; ${order}`);
    expect(parseStopAnswer(ID, stdout)).toBe('out-of-sight');
    expect(hidden.isAlive()).toBe(true);
    // What it can see, it ends.
    const { stdout: seen } = await rig.run(`ln -s /proc/$$ /proc/${hidden.pid} ${proc}/; ${order}`);
    expect(parseStopAnswer(ID, seen)).toBe('out-of-sight');
    await vi.waitFor(() => expect(hidden.isAlive()).toBe(false));
    await rm(proc, { recursive: true });
  });

  test('where it does not see even itself it does nothing and answers nothing', async () => {
    const proc = await mkdtemp(join(tmpdir(), 'batchops-proc-'));
    await mkdir(join(proc, 'self'));
    await writeFile(join(proc, 'self', 'stat'), '');
    expect(await stop({ leader: 4711, proc })).toBeUndefined();
    await rm(proc, { recursive: true });
  });

  test.skipIf(!SHELL_NAMES.every(hasShell)).each(SHELL_NAMES)(
    'answers through the login shell %s',
    async (name) => {
      await using rig = await openShell(name);
      const { stdout } = await rig.run(stopLine({ id: ID, leader: 999_999_999, graceMs: 500 }));
      expect(parseStopAnswer(ID, stdout)).toBe('gone');
    },
  );
});
