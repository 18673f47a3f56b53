import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { createMask } from '../../src/gather/mask.ts';
import type { Host } from '../../src/inventory/inventory.ts';
import { Secret } from '../../src/inventory/secret.ts';
import type { Execution, Transport } from '../../src/ports/hosts.ts';
import type { FirstKey, HostKeyPolicy } from '../../src/run/host-key.ts';
import type { Outcome } from '../../src/run/outcome.ts';
import { Connection } from '../../src/ssh/connection/connection.ts';
import type { Contact } from '../../src/ssh/host-keys/contact.ts';
import { openHostKeys } from '../../src/ssh/host-keys/host-keys.ts';
import type { TransportSettings } from '../../src/ssh/settings.ts';
import { openTransport } from '../../src/ssh/transport.ts';
import type { Sshd } from '../rigs/sshd.ts';
import { type MemoryLeftovers, memoryLeftovers } from './memory-leftovers.ts';
import { memoryOrigins } from './memory-origins.ts';

export interface TransportRig extends AsyncDisposable {
  readonly transport: Transport;
  /** Holds `known_hosts` and the transfer folder, `transfers`. */
  readonly folder: string;
  /** Defects that were logged: there must be none. */
  readonly errors: readonly object[];
  /** Where no others were given. */
  readonly leftovers: MemoryLeftovers;
  run(host: Host, command: string, how?: Partial<Execution>): Promise<Outcome>;
}

export interface RigOptions extends Partial<TransportSettings> {
  readonly policy?: HostKeyPolicy;
  readonly secrets?: readonly string[];
}

/** For tests that are not about the record. */
export const unrecorded = async (): Promise<void> => {};

export function contactOf(runId = 'r-7k3f', firstKeys: FirstKey[] = []): Contact {
  return { runId, onFirstKey: (key) => void firstKeys.push(key) };
}

/**
 * Deadlines that a test can wait for, and none that its machine could miss; what a test is about, it sets itself.
 */
const QUICK = {
  connectMs: 20_000,
  channelMs: 20_000,
  retryDelaysMs: [10, 20],
  killGraceMs: 2_000,
  lingerMs: 500,
  disconnectMs: 500,
};

export async function openRig(options: RigOptions = {}): Promise<TransportRig> {
  const folder = await mkdtemp(join(tmpdir(), 'batchops-ssh-'));
  const errors: object[] = [];
  const mask = createMask(options.secrets ?? []);
  const leftovers = memoryLeftovers();
  const transport = openTransport({
    hostKeys: await openHostKeys(join(folder, 'known_hosts'), options.policy ?? 'accept-new', unrecorded),
    findHost: () => undefined,
    secretsMask: () => mask,
    transferDir: join(folder, 'transfers'),
    origins: memoryOrigins(),
    log: { debug() {}, info() {}, warn() {}, error: (fields) => void errors.push(fields) },
    leftovers,
    ...options,
    deadlines: { ...QUICK, ...options.deadlines },
  });
  return {
    transport,
    folder,
    errors,
    leftovers,
    run: (host, command, how) => transport.execute(host, { action: 'run', command }, execution(how)),
    async [Symbol.asyncDispose]() {
      await transport.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export function execution(how: Partial<Execution> = {}): Execution {
  return {
    runId: 'r-7k3f',
    timeLimitMs: 20_000,
    signal: new AbortController().signal,
    mayTouch: () => true,
    by: 'U0ANN',
    ...how,
  };
}

/** A host that logs in with a password, as the misbehaving server wants it. */
export function passwordHost(port: number, more: Partial<Host> = {}): Host {
  return {
    name: 'web01',
    ip: '127.0.0.1',
    port,
    user: 'ops',
    enabled: true,
    password: new Secret('right'),
    shell: 'raw',
    ...more,
  };
}

/** A session with that host, as the library opens it: what is done to it is the test's. */
export async function openConnection(port: number): Promise<Connection> {
  const client = new ssh2.Client();
  client.connect({ host: '127.0.0.1', port, username: 'ops', password: 'right' });
  await once(client, 'ready');
  return new Connection({ host: passwordHost(port), way: [] }, client, Reflect.get(client, '_sock'), 500);
}

/** A host that logs in with the key of a real sshd. */
export function keyHost(sshd: Sshd, more: Partial<Host> = {}): Host {
  return {
    name: 'web01',
    ip: '127.0.0.1',
    port: sshd.port,
    user: sshd.user,
    enabled: true,
    privateKey: new Secret(sshd.key.private),
    shell: 'auto',
    ...more,
  };
}
