import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeKeyPair, startSshd } from '../rigs/sshd.ts';

/** Where the hosts are, and how one logs in: all that any client under measurement is told. JSON. */
export interface FleetFiles {
  readonly folder: string;
  readonly hosts: readonly { readonly name: string; readonly ip: string; readonly port: number }[];
  readonly user: string;
  readonly keyPath: string;
  readonly knownHostsPath: string;
  /** For OpenSSH: login, port and host key of every host. */
  readonly sshConfigPath: string;
  /** The same, and connections are kept. */
  readonly persistConfigPath: string;
  /** Where the processes that keep them have their sockets. */
  readonly mastersDir: string;
  /** One address a line. */
  readonly hostsPath: string;
  /** Ours, and the allowlist that goes with it. */
  readonly inventoryPath: string;
  readonly allowlistPath: string;
}

export interface Fleet extends AsyncDisposable {
  readonly files: FleetFiles;
}

export const REQUESTER = { teamId: 'T0BENCH01', userId: 'U0BENCH01' };
export const CHANNEL = 'C0BENCH01';

/**
 * A real OpenSSH server behind so many addresses of loopback. One key logs in everywhere, and every host key is known
 * beforehand. It listens everywhere, as it takes sixteen addresses at most, and lets in nobody but from loopback.
 */
export async function startFleet(count: number): Promise<Fleet> {
  await using opened = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'batchops-bench-'));
  opened.defer(() => rm(folder, { recursive: true, force: true }));
  const path = (name: string): string => join(folder, name);
  const key = makeKeyPair();
  const hostKey = makeKeyPair();
  const [hostKeyType = '', hostKeyText = ''] = hostKey.public.split(' ');

  const sshd = opened.use(
    await startSshd({
      addresses: ['0.0.0.0'],
      hostKeys: [hostKey],
      authorizedKeys: [key.public],
      config: ['AllowUsers *@127.0.0.0/8'],
    }),
  );
  const { port, user } = sshd;
  const hosts = Array.from({ length: count }, (_, n) => ({
    name: `h${n + 1}`,
    ip: `127.70.${Math.trunc(n / 250)}.${(n % 250) + 1}`,
    port,
  }));
  const files: FleetFiles = {
    folder,
    hosts,
    user,
    keyPath: path('key'),
    knownHostsPath: path('known_hosts'),
    sshConfigPath: path('ssh_config'),
    persistConfigPath: path('ssh_config_persist'),
    mastersDir: path('cm'),
    hostsPath: path('hosts'),
    inventoryPath: path('inventory.ini'),
    allowlistPath: path('allowlist.ini'),
  };
  const lines = (all: readonly string[]): string => all.map((line) => `${line}\n`).join('');
  const sshConfig = [
    'Host *',
    `  Port ${port}`,
    `  User ${files.user}`,
    `  IdentityFile ${files.keyPath}`,
    '  IdentitiesOnly yes',
    `  UserKnownHostsFile ${files.knownHostsPath}`,
    '  GlobalKnownHostsFile /dev/null',
    '  StrictHostKeyChecking yes',
    '  UpdateHostKeys no',
    '  BatchMode yes',
    '  LogLevel ERROR',
  ];
  await Promise.all([
    writeFile(files.keyPath, `${key.private.trimEnd()}\n`, { mode: 0o600 }),
    writeFile(
      files.knownHostsPath,
      lines(hosts.map(({ ip }) => `[${ip}]:${port} ${hostKeyType} ${hostKeyText}`)),
      { mode: 0o600 },
    ),
    writeFile(files.sshConfigPath, lines(sshConfig)),
    writeFile(
      files.persistConfigPath,
      lines([
        ...sshConfig,
        '  ControlMaster auto',
        `  ControlPath ${files.mastersDir}/%C`,
        '  ControlPersist 300',
      ]),
    ),
    mkdir(files.mastersDir, { mode: 0o700 }),
    writeFile(files.hostsPath, lines(hosts.map(({ ip }) => ip))),
    writeFile(
      files.inventoryPath,
      lines([
        `[DEFAULT]\nport = ${port}\nuser = ${user}\nkey = ${files.keyPath}`,
        ...hosts.map(({ name, ip }) => `[${name}]\nip = ${ip}`),
      ]),
    ),
    writeFile(
      files.allowlistPath,
      lines([
        '[bench]',
        `users = ${REQUESTER.userId}`,
        `channels = ${CHANNEL}`,
        'hosts = all',
        'actions = run',
        'commands = *',
      ]),
    ),
  ]);
  const stop = opened.move();
  return { files, [Symbol.asyncDispose]: () => stop.disposeAsync() };
}
