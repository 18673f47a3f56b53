import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Fleet, type FleetHost, type HostSpec, openFleet } from './fleet.ts';
import type { Confinement } from './host-folder.ts';

export interface DemoFleetOptions {
  /** Empty and private: it gets the hosts, their keys and the two files below. The caller removes it. */
  readonly folder: string;
  /** May do everything, in `channelId`. Whoever else there is may do nothing. */
  readonly operatorId: string;
  readonly channelId: string;
  readonly confinement?: Confinement;
}

export interface DemoFleet extends Fleet {
  readonly folder: string;
  readonly inventoryFile: string;
  readonly allowlistFile: string;
}

const WEB_LOG = '10.0.3.7 "GET / HTTP/1.1" 200\n10.0.3.9 "GET /health HTTP/1.1" 200\n';

const HOSTS: readonly HostSpec[] = [
  { name: 'web1', login: 'password', files: { '/var/log/app.log': `web1 up\n${WEB_LOG}` } },
  { name: 'web2', login: 'password', files: { '/var/log/app.log': `web2 up\n${WEB_LOG}` } },
  { name: 'web3', login: 'password', files: { '/var/log/app.log': `web3 up\n${WEB_LOG}` } },
  { name: 'db1', login: 'key', files: { '/var/log/db.log': 'db1 is primary\n' } },
  { name: 'db2', login: 'key', files: { '/var/log/db.log': 'db2 follows db1\n' } },
  { name: 'slow1', login: 'password', delayMs: 3_000 },
  { name: 'vault1', login: 'wrong-password' },
  { name: 'down1', login: 'password', isDown: true },
  { name: 'old1', login: 'password' },
];
const DISABLED = new Set(['old1']);

/** The hosts a newcomer meets: most are fine, and one each is slow, down, disabled, or refuses its password. */
export async function openDemoFleet(options: DemoFleetOptions): Promise<DemoFleet> {
  const { folder, confinement } = options;
  const fleet = await openFleet({ folder, hosts: HOSTS, ...(confinement ? { confinement } : {}) });
  const inventoryFile = join(folder, 'inventory.ini');
  const allowlistFile = join(folder, 'allowlist.ini');
  await writeFile(inventoryFile, formatInventory(fleet.hosts), { mode: 0o600 });
  await writeFile(allowlistFile, formatAllowlist(options), { mode: 0o600 });
  return { ...fleet, folder, inventoryFile, allowlistFile };
}

function formatInventory(hosts: readonly FleetHost[]): string {
  return `# The hosts of the sandbox. They are made anew, ports and passwords too, each time it starts.

[web]
web1 = True
web2 = True
web3 = True

[db]
db1 = True
db2 = True

# One of each kind of trouble.
[odd]
slow1 = True
vault1 = True
down1 = True
old1 = True

${hosts.map(formatHost).join('\n')}`;
}

function formatHost(host: FleetHost): string {
  const secret = host.key === undefined ? `password = ${host.password}` : `key = ${host.key}`;
  const enable = DISABLED.has(host.name) ? 'enable = False\n' : '';
  return `[${host.name}]\nip = ${host.ip}\nport = ${host.port}\nuser = ${host.user}\n${secret}\n${enable}`;
}

function formatAllowlist({ operatorId, channelId }: DemoFleetOptions): string {
  return `# One rule: its parts hold at once. Whom and what no rule names is refused.

[oncall]
users    = ${operatorId}
channels = ${channelId}
hosts    = all
actions  = run, put, get, cancel
commands = *
paths    = /**
`;
}
