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

/** OpenSSH's MAX_LISTEN_SOCKS. */
const ADDRESSES_PER_SSHD = 16;

/** Real OpenSSH servers on loopback. One key logs in everywhere, and every host key is known beforehand. */
export async function startFleet(count: number, nice?: number): Promise<Fleet> {
  await using opened = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'batchops-bench-'));
  opened.defer(() => rm(folder, { recursive: true, force: true }));
  const path = (name: string): string => join(folder, name);
  const key = makeKeyPair();
  const hostKey = makeKeyPair();
  const [hostKeyType = '', hostKeyText = ''] = hostKey.public.split(' ');

  const servers = await Promise.all(
    Array.from({ length: Math.ceil(count / ADDRESSES_PER_SSHD) }, async (_, k) => {
      const size = Math.min(ADDRESSES_PER_SSHD, count - k * ADDRESSES_PER_SSHD);
      const addresses = Array.from({ length: size }, (__, i) => `127.70.${k}.${i + 1}`);
      const { port, user } = opened.use(
        await startSshd({
          addresses,
          hostKeys: [hostKey],
          authorizedKeys: [key.public],
          ...(nice !== undefined && { nice }),
        }),
      );
      return { pattern: `127.70.${k}.*`, addresses, port, user };
    }),
  );
  const hosts = servers
    .flatMap(({ addresses, port }) => addresses.map((ip) => ({ ip, port })))
    .map((at, i) => ({ name: `h${i + 1}`, ...at }));
  const files: FleetFiles = {
    folder,
    hosts,
    user: servers[0]?.user ?? '',
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
    ...servers.map(({ pattern, port }) => `Host ${pattern}\n  Port ${port}`),
    'Host *',
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
      lines(hosts.map(({ ip, port }) => `[${ip}]:${port} ${hostKeyType} ${hostKeyText}`)),
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
        `[DEFAULT]\nuser = ${files.user}\nkey = ${files.keyPath}`,
        ...hosts.map(({ name, ip, port }) => `[${name}]\nip = ${ip}\nport = ${port}`),
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
