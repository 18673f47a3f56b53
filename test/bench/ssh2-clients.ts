import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import ssh2, { type Client, type ClientChannel } from 'ssh2';
import { createMask } from '../../src/gather/mask.ts';
import { parseInventory } from '../../src/inventory/parse-inventory.ts';
import { parseAllowlist } from '../../src/policy/allowlist.ts';
import type { Transport } from '../../src/ports/hosts.ts';
import type { Outcome } from '../../src/run/outcome.ts';
import { openHostKeys } from '../../src/ssh/host-keys/host-keys.ts';
import { findKeyFault } from '../../src/ssh/login/keys.ts';
import { openTransport } from '../../src/ssh/transport.ts';
import { memoryLeftovers } from '../ssh/memory-leftovers.ts';
import { memoryOrigins } from '../ssh/memory-origins.ts';
import type { Order, Temperature } from './contenders.ts';
import { COMMAND, openEngine, quiet } from './engine.ts';
import type { FleetFiles } from './fleet.ts';
import type { Taken } from './rounds.ts';

interface OwnClient {
  /** Hosts that answered. With `warm`, connections that stand are used. */
  round(temperature: Temperature, hosts: number): Promise<number>;
  /** Lets go of what a cold round opened. */
  letGo(): Promise<void>;
}

await serve();

async function serve(): Promise<void> {
  const [kind, fleetPath = '', fanOut] = process.argv.slice(2);
  const files = JSON.parse(await readFile(fleetPath, 'utf8')) as FleetFiles;
  const client = await openClient(kind, files, Number(fanOut));
  process.on('message', async (order: Order) => {
    if (order.do === 'let-go') {
      await client.letGo();
      process.send?.({ ms: 0, cpuMs: 0, answers: 0 } satisfies Taken);
      return;
    }
    globalThis.gc?.();
    const cpu = process.cpuUsage();
    const since = performance.now();
    const answers = await client.round(order.temperature, order.hosts);
    const ms = performance.now() - since;
    const { user, system } = process.cpuUsage(cpu);
    process.send?.({ ms, cpuMs: (user + system) / 1_000, answers } satisfies Taken);
  });
  process.once('disconnect', () => process.exit(0));
}

async function openClient(kind: string | undefined, files: FleetFiles, fanOut: number): Promise<OwnClient> {
  switch (kind) {
    case 'bare':
      return openBare(files, fanOut);
    case 'transport':
    case 'engine':
      return openOurs(kind, files, fanOut);
    default:
      throw new Error(`no such client: ${kind}`);
  }
}

/** `fanOut` at a time; answers how many said yes. */
async function countAll<T>(
  items: readonly T[],
  fanOut: number,
  work: (item: T) => Promise<boolean>,
): Promise<number> {
  const rest = items.values();
  let count = 0;
  const worker = async (): Promise<void> => {
    for (const item of rest) if (await work(item)) count++;
  };
  await Promise.all(Array.from({ length: fanOut }, worker));
  return count;
}

// ── the bare loop ────────────────────────────────────────────────────────────────────────────────────────

function openBare(files: FleetFiles, fanOut: number): OwnClient {
  const privateKey = readFileSync(files.keyPath);
  const kept = new Map<string, Client>();

  const open = ({ ip, port }: FleetFiles['hosts'][number]): Promise<Client> =>
    new Promise((resolve, reject) => {
      const client = new ssh2.Client();
      client.once('ready', () => resolve(client)).on('error', reject);
      client.connect({ sock: connect({ host: ip, port, noDelay: true }), username: files.user, privateKey });
    });
  const exec = (client: Client): Promise<boolean> =>
    new Promise((resolve, reject) => {
      client.exec(COMMAND, (error: Error | undefined, channel: ClientChannel) => {
        if (error) return reject(error);
        const chunks: Buffer[] = [];
        channel.on('data', (chunk: Buffer) => chunks.push(chunk));
        channel.stderr.resume();
        channel.on('close', (code: number) => {
          resolve(code === 0 && Buffer.concat(chunks).includes('Filesystem'));
        });
      });
    });
  return {
    round: (temperature, hosts) =>
      countAll(files.hosts.slice(0, hosts), fanOut, async (host) => {
        if (temperature === 'cold') {
          const client = await open(host);
          const isDone = await exec(client);
          client.end();
          return isDone;
        }
        const client = kept.get(host.name) ?? (await open(host));
        kept.set(host.name, client);
        return exec(client);
      }),
    letGo: async () => {},
  };
}

// ── ours ─────────────────────────────────────────────────────────────────────────────────────────────────

async function openOurs(kind: 'transport' | 'engine', files: FleetFiles, fanOut: number): Promise<OwnClient> {
  const world = {
    env: () => undefined,
    readFile: (path: string) => readFileSync(path, 'utf8'),
    findKeyFault,
  };
  const inventory = parseInventory(readFileSync(files.inventoryPath, 'utf8'), 'inventory.ini', world);
  const mask = createMask(inventory.secrets.map((secret) => secret.reveal()));
  const transferDir = join(files.folder, 'transfers');
  await mkdir(transferDir, { recursive: true });
  const openOne = async (): Promise<Transport> =>
    openTransport({
      hostKeys: await openHostKeys(files.knownHostsPath, 'strict', async () => {}),
      findHost: (name) => inventory.hosts.get(name),
      secretsMask: () => mask,
      transferDir,
      origins: memoryOrigins(),
      leftovers: memoryLeftovers(),
      log: quiet,
      // A minute in the bot; here other contenders have their turn between two rounds.
      idleMs: 600_000,
    });
  /** Their connections are only ever used again by warm rounds. */
  const warm = await openOne();
  let cold = await openOne();
  let current = warm;
  const hasAnswered = (outcome: Outcome): boolean =>
    outcome.kind === 'ok' && outcome.stdout.head.includes('Filesystem');

  const runAll =
    kind === 'engine'
      ? await openRounds()
      : (hosts: number): Promise<number> =>
          countAll([...inventory.hosts.values()].slice(0, hosts), fanOut, async (host) =>
            hasAnswered(
              await current.execute(
                host,
                { action: 'run', command: COMMAND },
                {
                  runId: 'r-0000',
                  timeLimitMs: 60_000,
                  signal: new AbortController().signal,
                  mayTouch: () => false,
                  by: '',
                },
              ),
            ),
          );
  return {
    round(temperature, hosts) {
      current = temperature === 'cold' ? cold : warm;
      return runAll(hosts);
    },
    async letGo() {
      await cold.close();
      cold = await openOne();
    },
  };

  /** A round ends when the last outcome is in the database. */
  async function openRounds(): Promise<(hosts: number) => Promise<number>> {
    let answers = 0;
    let left = 0;
    let done = Promise.withResolvers<void>();
    const engine = await openEngine({
      url: `file:${join(await mkdtemp(join(files.folder, 'engine-')), 'batchops.db')}`,
      inventory,
      allowlist: parseAllowlist(readFileSync(files.allowlistPath, 'utf8'), 'allowlist.ini', inventory),
      transferDir,
      mask: (text) => mask.text(text),
      transport: () => current,
      onEnded(ended) {
        answers += ended.filter(({ outcome }) => hasAnswered(outcome)).length;
        left -= ended.length;
        if (left === 0) done.resolve();
      },
    });
    let released = 0;
    return async (hosts) => {
      answers = 0;
      left = hosts;
      done = Promise.withResolvers();
      const run = await engine.createRun([...inventory.hosts.keys()].slice(0, hosts), fanOut);
      await engine.store.releaseRun(run.id, `${++released}.000`);
      await done.promise;
      return answers;
    };
  }
}
