import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from '../../src/inventory/inventory.ts';
import { Secret } from '../../src/inventory/secret.ts';
import type { Work } from '../../src/run/plan.ts';
import { openHostKeys } from '../../src/ssh/host-keys/host-keys.ts';
import { execution, openRig } from './rig.ts';

/** What the test that starts this process tells it. */
export interface Fleet {
  readonly knownHosts: string;
  readonly jobs: readonly Job[];
}

export interface Job {
  readonly name: string;
  readonly ip: string;
  readonly port: number;
  readonly jump?: readonly string[];
  readonly does: 'run' | 'put' | 'get';
  /** Cancelled after so many ms. */
  readonly cancelMs?: number;
}

/** What it answers. */
export interface Report {
  readonly outcomes: readonly { readonly name: string; readonly kind: string; readonly reason: string }[];
  /** Exceptions that nobody caught. */
  readonly escaped: readonly string[];
  /** Faults that the transport logged as its own. */
  readonly defects: readonly string[];
  /** Of the process, once the transport was closed. */
  readonly sockets: number;
}

const AT_A_TIME = 40;
/** Short, and long enough for a well-behaved login on a busy machine. */
const DEADLINES = {
  connectMs: 3_000,
  handshakeMs: 2_500,
  channelMs: 1_500,
  lingerMs: 100,
  killGraceMs: 100,
  disconnectMs: 100,
  keepaliveMs: 500,
  retryDelaysMs: [5, 10],
};

const CONTENT = 'content';
const SOURCE = { bytes: CONTENT.length, sha256: createHash('sha256').update(CONTENT).digest('hex') };

const [fleetPath = '', reportPath = ''] = process.argv.slice(2);
const fleet: Fleet = JSON.parse(readFileSync(fleetPath, 'utf8'));
const escaped: string[] = [];
for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(event, (error: unknown) =>
    escaped.push(error instanceof Error ? `${error.stack}` : String(error)),
  );
}

const hosts = new Map(fleet.jobs.map((job) => [job.name, hostOf(job)]));
const outcomes: { name: string; kind: string; reason: string }[] = [];
const rig = await openRig({
  hostKeys: await openHostKeys(fleet.knownHosts, 'accept-new', async () => {}),
  findHost: (name) => hosts.get(name),
  idleMs: 200,
  deadlines: DEADLINES,
});
await mkdir(join(rig.folder, 'transfers'), { recursive: true });
writeFileSync(join(rig.folder, 'transfers', 'file'), CONTENT);

const waiting = [...fleet.jobs];
await Promise.all(
  Array.from({ length: AT_A_TIME }, async () => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) await perform(job);
  }),
);
await rig[Symbol.asyncDispose]();
// A turn for what was closed to be gone.
await new Promise((resolve) => setImmediate(resolve));
const report: Report = {
  outcomes,
  escaped,
  defects: rig.errors.map((fields) => ('error' in fields ? String((fields.error as Error)?.stack) : '?')),
  sockets: process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length,
};
writeFileSync(reportPath, JSON.stringify(report));

async function perform(job: Job): Promise<void> {
  const stop = new AbortController();
  const timer =
    job.cancelMs === undefined ? undefined : setTimeout(() => stop.abort('cancelled'), job.cancelMs);
  const host = hosts.get(job.name) ?? hostOf(job);
  const outcome = await rig.transport.execute(
    host,
    workOf(job),
    execution({ signal: stop.signal, timeLimitMs: 1_000 }),
  );
  clearTimeout(timer);
  outcomes.push({ name: job.name, kind: outcome.kind, reason: outcome.reason });
}

function hostOf({ name, ip, port, jump }: Job): Host {
  const login = { user: 'ops', enabled: true, password: new Secret('right'), shell: 'raw' as const };
  return { name, ip, port, ...login, ...(jump === undefined ? {} : { jump }) };
}

function workOf(job: Job): Work {
  switch (job.does) {
    case 'run':
      return { action: 'run', command: 'true' };
    case 'put':
      return { action: 'put', local: 'file', remote: '/tmp/file', source: SOURCE };
    case 'get':
      return { action: 'get', remote: '/tmp/file', local: 'got' };
    default:
      return job.does satisfies never;
  }
}
