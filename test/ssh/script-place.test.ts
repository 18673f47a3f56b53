import { execFileSync, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { wrapCommand } from '../../src/ssh/command/wrap.ts';

const SCRIPT = 'echo asked\n';
/** As long as what was sent. */
const PLANTED = 'echo plant\n';

let tmp: string;
beforeEach(async () => {
  tmp = await mkdtemp(join(tmpdir(), 'script-place-'));
});
afterEach(() => rm(tmp, { recursive: true }));

/** What a host says where somebody who reads its command lines was there first. */
async function runOnHost(plant: (at: string, id: string) => unknown): Promise<string> {
  const wrapping = wrapCommand('', 'auto', {
    hostLimitMs: 60_000,
    script: { bytes: SCRIPT.length, interpreter: ['sh'], args: [] },
    env: [['TMPDIR', tmp]],
  });
  if (wrapping === undefined) throw new Error('It is not wrapped');
  await plant(join(tmp, `batchops-${wrapping.id}`), wrapping.id);
  const host = spawn('sh', ['-c', wrapping.text], { stdio: ['pipe', 'pipe', 'ignore'] });
  host.stdin.on('error', () => {});
  host.stdin.end(SCRIPT);
  return (await text(host.stdout)).replaceAll(wrapping.id, 'ID');
}

test('a script that is put down by us is run', async () => {
  expect(await runOnHost(() => {})).toMatch(/^batchops-ID-w\nbatchops-ID-e\d+\nasked\n$/);
});

test('what another account of the host has put in the place of a script is never run', async () => {
  const refused = 'batchops-ID-x\n';
  expect(await runOnHost((at) => writeFile(at, PLANTED))).toBe(refused);
  expect(
    await runOnHost(async (at, id) => {
      await mkdir(at);
      await writeFile(join(at, `batchops-${id}`), PLANTED);
    }),
  ).toBe(refused);
  expect(
    await runOnHost(async (at, id) => {
      await mkdir(join(tmp, 'theirs'));
      await writeFile(join(tmp, 'theirs', `batchops-${id}`), PLANTED);
      await symlink('theirs', at);
    }),
  ).toBe(refused);
});

test('a pipe in the place of a script is neither written to nor read', async () => {
  const pipes: ReturnType<typeof spawn>[] = [];
  const said = await runOnHost((at) => {
    execFileSync('mkfifo', [at]);
    const feed = `cat ${at} >/dev/null; printf '${PLANTED}' >${at}; printf '${PLANTED}' >${at}`;
    pipes.push(spawn('sh', ['-c', feed], { stdio: 'ignore', detached: true }));
  });
  for (const { pid } of pipes) if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  expect(said).toBe('batchops-ID-x\n');
});
