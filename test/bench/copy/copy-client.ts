import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import ssh2, { type Client, type SFTPWrapper } from 'ssh2';
import { createMask } from '../../../src/gather/mask.ts';
import type { Host } from '../../../src/inventory/inventory.ts';
import { Secret } from '../../../src/inventory/secret.ts';
import type { Work } from '../../../src/run/plan.ts';
import { openHostKeys } from '../../../src/ssh/host-keys/host-keys.ts';
import { openTransferFolder } from '../../../src/ssh/transfer-folder.ts';
import { openTransport } from '../../../src/ssh/transport.ts';
import { memoryLeftovers } from '../../ssh/memory-leftovers.ts';
import { memoryOrigins } from '../../ssh/memory-origins.ts';
import type { Taken } from '../rounds.ts';
import type { CopyFiles, CopyOrder } from './copy.ts';

/** `ours`: the transport of the bot, with the digest that a plan is made with. `bare`: what ssh2 takes by itself. */
const [kind, filesPath = ''] = process.argv.slice(2);
const files = JSON.parse(await readFile(filesPath, 'utf8')) as CopyFiles;
const privateKey = await readFile(files.keyPath, 'utf8');
const copy = kind === 'ours' ? await openOurs() : bare;

process.on('message', async (order: CopyOrder) => {
  globalThis.gc?.();
  const cpu = process.cpuUsage();
  const since = performance.now();
  const ended = await Promise.allSettled(order.ports.map((port, i) => copy(order, port, i)));
  const ms = performance.now() - since;
  const { user, system } = process.cpuUsage(cpu);
  const complaint = ended.flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : []))[0];
  process.send?.({
    ms,
    cpuMs: (user + system) / 1_000,
    answers: ended.filter(({ status }) => status === 'fulfilled').length,
    ...(complaint === undefined ? {} : { complaint }),
  } satisfies Taken);
});
process.once('disconnect', () => process.exit(0));
process.send?.('ready');

type CopyOne = (order: CopyOrder, port: number, nth: number) => Promise<void>;

async function openOurs(): Promise<CopyOne> {
  const transferDir = join(files.folder, 'transfers');
  await mkdir(transferDir, { recursive: true });
  const origins = memoryOrigins();
  const mask = createMask([]);
  const transport = openTransport({
    hostKeys: await openHostKeys(join(files.folder, 'own_known_hosts'), 'accept-new', async () => {}),
    findHost: () => undefined,
    secretsMask: () => mask,
    transferDir,
    origins,
    log: {
      debug() {},
      info() {},
      warn() {},
      error: (fields) => void process.stderr.write(`${JSON.stringify(fields)}\n`),
    },
    leftovers: memoryLeftovers(),
    // Each round logs in, as the others do.
    idleMs: 0,
  });
  const folder = openTransferFolder(transferDir, origins);
  return async ({ action, remote }, port, nth) => {
    const work: Work =
      action === 'put'
        ? { action, local: 'source', remote: `${remote}-${nth}`, source: await folder.digestSource('source') }
        : { action, local: 'back', remote };
    const host: Host = {
      name: `h${nth}`,
      ip: '127.0.0.1',
      port,
      user: files.user,
      enabled: true,
      privateKey: new Secret(privateKey),
      shell: 'auto',
    };
    const {
      kind: ending,
      reason,
      file,
    } = await transport.execute(host, work, {
      runId: 'r-bench',
      timeLimitMs: 60_000,
      mayTouch: () => true,
      by: 'U0BENCH01',
      signal: new AbortController().signal,
    });
    if (ending !== 'ok' || file?.verified !== 'checksum') throw new Error(`${ending}: ${reason}`);
  };
}

const BARE_CHUNK = 254 * 1024;
const BARE_UNDER_WAY = 2 * 1024 * 1024;

async function bare({ action, remote }: CopyOrder, port: number, nth: number): Promise<void> {
  const client = new ssh2.Client();
  const sock = connect({ host: '127.0.0.1', port, noDelay: true });
  await new Promise<void>((resolve, reject) => {
    client.once('ready', resolve).once('error', reject).connect({ sock, username: files.user, privateKey });
  });
  try {
    await pump(client, action, action === 'put' ? `${remote}-${nth}` : remote);
  } finally {
    client.end();
  }
}

function pump(client: Client, action: 'put' | 'get', remote: string): Promise<void> {
  return new Promise((resolve, reject) => {
    client.sftp((noSftp, sftp: SFTPWrapper) => {
      if (noSftp) return reject(noSftp);
      sftp.open(remote, action === 'put' ? 'w' : 'r', (noFile, handle) => {
        if (noFile) return reject(noFile);
        const local = join(files.folder, action === 'put' ? 'transfers/source' : 'bare-back');
        const file = openSync(local, action === 'put' ? 'r' : 'w');
        let position = 0;
        let underWay = 0;
        const done = (length: number, error?: Error | null) => {
          if (error) return reject(error);
          underWay -= length;
          more();
        };
        const more = () => {
          while (underWay < BARE_UNDER_WAY && position < files.bytes) {
            const at = position;
            const buffer = Buffer.allocUnsafe(Math.min(BARE_CHUNK, files.bytes - at));
            position += buffer.length;
            underWay += buffer.length;
            if (action === 'put') {
              readSync(file, buffer, 0, buffer.length, at);
              sftp.write(handle, buffer, 0, buffer.length, at, (error) => done(buffer.length, error));
            } else {
              sftp.read(handle, buffer, 0, buffer.length, at, (error) => {
                if (!error) writeSync(file, buffer, 0, buffer.length, at);
                done(buffer.length, error);
              });
            }
          }
          if (underWay > 0) return;
          closeSync(file);
          sftp.close(handle, (error) => (error ? reject(error) : resolve()));
        };
        more();
      });
    });
  });
}
