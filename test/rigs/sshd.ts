import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import ssh2 from 'ssh2';
import { type KeyPair, makeKeyPair as makeEd25519Pair } from '../../src/sandbox/fleet/key-pair.ts';

const SSHD = '/usr/sbin/sshd';

export const HAS_SSHD = existsSync(SSHD);
/** A login by password needs an account with one, and only root can make it. */
export const CAN_ADD_USERS = userInfo().uid === 0 && existsSync('/usr/sbin/useradd');

export function makeKeyPair(type: 'ed25519' | 'ecdsa' | 'rsa' = 'ed25519', passphrase?: string): KeyPair {
  const locked = { passphrase: passphrase ?? '', cipher: 'aes256-ctr', rounds: 4 };
  switch (type) {
    case 'rsa':
      return ssh2.utils.generateKeyPairSync('rsa', { bits: 2048, ...(passphrase ? locked : {}) });
    case 'ecdsa':
      return ssh2.utils.generateKeyPairSync('ecdsa', { bits: 256, ...(passphrase ? locked : {}) });
    case 'ed25519':
      return makeEd25519Pair(passphrase === undefined ? {} : { passphrase });
    default:
      return type satisfies never;
  }
}

export const HAS_SUDO = existsSync('/usr/bin/sudo');

export interface Account {
  /** Default `/bin/sh`. */
  readonly shell?: string;
  /** Without one, the account logs in with the rig's key only. */
  readonly password?: string;
  /** Lines of sudoers, `NAME` being the account's name. */
  readonly sudoers?: readonly string[];
  /** Lines of sshd_config for this account only, such as a `ForceCommand`. */
  readonly config?: readonly string[];
}

export interface SshdOptions {
  /** Every one of them a host, all on the same port. At most 16: OpenSSH's MAX_LISTEN_SOCKS. */
  readonly addresses?: readonly string[];
  readonly hostKeys?: readonly KeyPair[];
  /** Lines as in `authorized_keys`, besides the rig's own key. */
  readonly authorizedKeys?: readonly string[];
  /** Accounts made for this rig, gone with it. */
  readonly accounts?: readonly Account[];
  /** More lines of sshd_config. They come first, so they win. */
  readonly config?: readonly string[];
}

export interface Sshd extends AsyncDisposable {
  readonly port: number;
  /** Who runs the tests: logs in with `key`. */
  readonly user: string;
  readonly key: KeyPair;
  readonly hostKeys: readonly KeyPair[];
  /** The names of `accounts`, in order. */
  readonly accounts: readonly string[];
  /** A folder of this rig's own. */
  readonly folder: string;
}

/** The real OpenSSH server, on loopback, in the foreground. */
export async function startSshd(options: SshdOptions = {}): Promise<Sshd> {
  const addresses = options.addresses ?? ['127.0.0.1'];
  const hostKeys = options.hostKeys ?? [makeKeyPair()];
  const key = makeKeyPair();
  const folder = await mkdtemp(join(tmpdir(), 'batchops-sshd-'));
  await chmod(folder, 0o755);
  // Debian's sshd refuses to start without its empty folder for unprivileged children.
  if (userInfo().uid === 0) await mkdir('/run/sshd', { recursive: true, mode: 0o755 });

  const hostKeyFiles: string[] = [];
  for (const [i, hostKey] of hostKeys.entries()) {
    const file = join(folder, `host_key_${i}`);
    await writeFile(file, `${hostKey.private.trimEnd()}\n`, { mode: 0o600 });
    hostKeyFiles.push(file);
  }
  await writeFile(
    join(folder, 'authorized_keys'),
    [key.public, ...(options.authorizedKeys ?? [])].map((line) => `${line}\n`).join(''),
  );
  const accounts = (options.accounts ?? []).map((account, i) =>
    addAccount(folder, i, account.password ?? key.public, account.shell ?? '/bin/sh'),
  );

  for (const [i, { sudoers }] of (options.accounts ?? []).entries()) {
    if (sudoers !== undefined)
      await writeFile(
        sudoersOf(accounts[i] ?? ''),
        `${sudoers.join('\n')}\n`.replaceAll('NAME', accounts[i] ?? ''),
        { mode: 0o440 },
      );
  }

  const port = await freePort(addresses[0] ?? '127.0.0.1');
  const config = [
    ...(options.config ?? []),
    ...addresses.map((address) => `ListenAddress ${address}:${port}`),
    ...hostKeyFiles.map((file) => `HostKey ${file}`),
    `AuthorizedKeysFile ${join(folder, 'authorized_keys')}`,
    'PidFile none',
    'StrictModes no',
    'UsePAM no',
    'UseDNS no',
    'PermitRootLogin yes',
    'KbdInteractiveAuthentication no',
    `PasswordAuthentication ${(options.accounts ?? []).some(({ password }) => password !== undefined) ? 'yes' : 'no'}`,
    // Of this one the last line wins.
    ...((options.config ?? []).some((line) => line.startsWith('MaxStartups'))
      ? []
      : ['MaxStartups 1000:30:1000']),
    'Subsystem sftp internal-sftp',
    // bash under sshd reads ~/.bashrc at shell level 1 only: what a developer has in there is not under test.
    'SetEnv SHLVL=1',
    'LogLevel ERROR',
    ...(options.accounts ?? []).flatMap((account, i) =>
      account.config === undefined ? [] : [`Match User ${accounts[i] ?? ''}`, ...account.config],
    ),
  ];
  await writeFile(join(folder, 'sshd_config'), config.map((line) => `${line}\n`).join(''));
  const sshd = spawn(SSHD, ['-D', '-e', '-f', join(folder, 'sshd_config')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  sshd.stderr.on('data', (chunk) => {
    said += chunk;
  });
  await untilListening(sshd, addresses.at(-1) ?? '127.0.0.1', port, () => said);

  return {
    port,
    user: userInfo().username,
    key,
    hostKeys,
    accounts,
    folder,
    async [Symbol.asyncDispose]() {
      if (sshd.exitCode === null && sshd.signalCode === null) {
        const ended = once(sshd, 'exit');
        sshd.kill('SIGTERM');
        await ended;
      }
      for (const name of accounts) {
        execFileSync('userdel', ['--force', name], { stdio: 'ignore' });
        await rm(sudoersOf(name), { force: true });
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function sudoersOf(account: string): string {
  return `/etc/sudoers.d/${account}`;
}

function addAccount(folder: string, index: number, password: string, shell: string): string {
  const name = `bo${process.pid}x${index}${Math.trunc(Math.random() * 1e6)}`;
  const hash = execFileSync('openssl', ['passwd', '-6', '-stdin'], { input: password }).toString().trim();
  const home = join(folder, name);
  execFileSync('useradd', ['--create-home', '--home-dir', home, '--shell', shell, '--password', hash, name], {
    stdio: 'ignore',
  });
  return name;
}

/** A port that nothing listens on. */
export async function freePort(address = '127.0.0.1'): Promise<number> {
  const probe = createServer().listen(0, address);
  await once(probe, 'listening');
  const bound = probe.address();
  probe.close();
  await once(probe, 'close');
  if (bound === null || typeof bound === 'string') throw new Error('No port');
  return bound.port;
}

export async function untilListening(
  child: ChildProcess,
  address: string,
  port: number,
  said: () => string,
): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if (child.exitCode !== null) throw new Error(`sshd ended: ${said()}`);
    const socket = connect(port, address);
    const isUp = await Promise.race([
      once(socket, 'connect').then(
        () => true,
        () => false,
      ),
    ]);
    socket.destroy();
    if (isUp) return;
    await delay(10);
  }
  throw new Error(`sshd does not answer on ${address}:${port}: ${said()}`);
}
