import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KeyPair } from '../../src/sandbox/fleet/key-pair.ts';

/** OpenSSH's own agent, with these keys. */
export async function startAgent(...keys: readonly KeyPair[]) {
  const folder = await mkdtemp(join(tmpdir(), 'batchops-agent-'));
  const socket = join(folder, 'agent.sock');
  const said = execFileSync('ssh-agent', ['-s', '-a', socket]).toString();
  for (const [i, key] of keys.entries()) {
    const file = join(folder, `key${i}`);
    await writeFile(file, `${key.private.trimEnd()}\n`, { mode: 0o600 });
    execFileSync('ssh-add', ['-q', file], {
      env: { ...process.env, SSH_AUTH_SOCK: socket },
      stdio: 'ignore',
    });
  }
  return {
    socket,
    async [Symbol.asyncDispose]() {
      process.kill(Number(/SSH_AGENT_PID=(\d+)/.exec(said)?.[1]));
      await rm(folder, { recursive: true, force: true });
    },
  };
}
