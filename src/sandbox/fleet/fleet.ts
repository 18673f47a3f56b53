import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type Confinement, openHostFolder, probeConfinement } from './host-folder.ts';
import { makeKeyPair } from './key-pair.ts';
import { openSshHost, type SshHost } from './ssh-host.ts';

export interface HostSpec {
  readonly name: string;
  /** How one logs in. With `wrong-password` the inventory holds one that the host refuses. */
  readonly login: 'password' | 'key' | 'wrong-password';
  readonly delayMs?: number;
  /** Nothing listens on its port. */
  readonly isDown?: boolean;
  /** Text by path, put into its folder: `/var/log/app.log`. */
  readonly files?: Readonly<Record<string, string>>;
}

/** A host as an inventory needs it. */
export interface FleetHost {
  readonly name: string;
  readonly ip: string;
  readonly port: number;
  readonly user: string;
  readonly password?: string;
  /** Path of a private key. */
  readonly key?: string;
  /** What the host has as `/`, on this machine. */
  readonly root: string;
}

export interface Fleet extends AsyncDisposable {
  readonly hosts: readonly FleetHost[];
  readonly confinement: Confinement;
}

export interface FleetOptions {
  /** Gets `hosts/NAME` and `keys/`. The caller removes it. */
  readonly folder: string;
  readonly hosts: readonly HostSpec[];
  /** Found out where it is not said. */
  readonly confinement?: Confinement;
}

const USER = 'deploy';

/**
 * SSH hosts on 127.0.0.1, each with its own port, host key, login and folder. They run real commands as whoever
 * started them, so passwords and keys are new each time: other users of this machine can reach the ports too.
 */
export async function openFleet(options: FleetOptions): Promise<Fleet> {
  await using opened = new AsyncDisposableStack();
  const keys = join(options.folder, 'keys');
  await mkdir(keys, { recursive: true, mode: 0o700 });
  const confinement = options.confinement ?? (await probeConfinement(join(options.folder, 'probe')));

  const hosts: FleetHost[] = [];
  for (const spec of options.hosts) {
    const root = join(options.folder, 'hosts', spec.name);
    const folder = await openHostFolder(root, spec.name, confinement);
    for (const [path, text] of Object.entries(spec.files ?? {})) await writeFile(join(root, path), text);

    const secret = await makeLogin(spec, keys);
    const at = { name: spec.name, ip: '127.0.0.1', user: USER, root };
    if (spec.isDown) {
      hosts.push({ ...at, ...secret.inventory, port: await findClosedPort() });
      continue;
    }
    const host: SshHost = await openSshHost({
      folder,
      login: { user: USER, ...secret.host },
      hostKey: makeKeyPair().private,
      delayMs: spec.delayMs ?? 0,
    });
    opened.use(host);
    hosts.push({ ...at, ...secret.inventory, port: host.port });
  }

  const close = opened.move();
  return { hosts, confinement, [Symbol.asyncDispose]: () => close.disposeAsync() };
}

interface MadeLogin {
  readonly host: { readonly password?: string; readonly publicKey?: string };
  readonly inventory: { readonly password?: string; readonly key?: string };
}

async function makeLogin(spec: HostSpec, keys: string): Promise<MadeLogin> {
  if (spec.login === 'key') {
    const pair = makeKeyPair();
    const key = join(keys, `${spec.name}_ed25519`);
    await writeFile(key, pair.private, { mode: 0o600 });
    return { host: { publicKey: pair.public }, inventory: { key } };
  }
  const password = randomBytes(12).toString('base64url');
  return {
    host: { password },
    inventory: { password: spec.login === 'wrong-password' ? `not-${password}` : password },
  };
}

/** A port that was free a moment ago: a connection to it is refused, as by a host whose sshd is not up. */
async function findClosedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('No free port');
  return address.port;
}
