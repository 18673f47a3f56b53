import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, untilListening } from './sshd.ts';

const DROPBEAR = '/usr/sbin/dropbear';

export const HAS_DROPBEAR = existsSync(DROPBEAR) && existsSync('/usr/bin/dropbearkey');

export interface Dropbear extends AsyncDisposable {
  readonly port: number;
  /** Logs in with `password`. */
  readonly user: string;
  readonly password: string;
  /** A folder that the account may write into. */
  readonly home: string;
}

/** The SSH server of routers and appliances, on loopback, with an account of its own. */
export async function startDropbear(): Promise<Dropbear> {
  const folder = await mkdtemp(join(tmpdir(), 'batchops-dropbear-'));
  await chmod(folder, 0o755);
  const home = join(folder, 'home');
  const user = `bd${process.pid}x${Math.trunc(Math.random() * 1e6)}`;
  const password = 'right';
  const hash = execFileSync('openssl', ['passwd', '-6', '-stdin'], { input: password }).toString().trim();
  execFileSync(
    'useradd',
    ['--create-home', '--home-dir', home, '--shell', '/bin/sh', '--password', hash, user],
    {
      stdio: 'ignore',
    },
  );
  execFileSync('dropbearkey', ['-t', 'ed25519', '-f', join(folder, 'host_key')], { stdio: 'ignore' });
  const port = await freePort();
  const server = spawn(DROPBEAR, ['-F', '-E', '-r', join(folder, 'host_key'), '-p', `127.0.0.1:${port}`], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  server.stderr.on('data', (chunk) => {
    said += chunk;
  });
  await untilListening(server, '127.0.0.1', port, () => said);
  return {
    port,
    user,
    password,
    home,
    async [Symbol.asyncDispose]() {
      const ended = once(server, 'exit');
      server.kill('SIGTERM');
      await ended;
      execFileSync('userdel', ['--force', user], { stdio: 'ignore' });
      await rm(folder, { recursive: true, force: true });
    },
  };
}
