import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import type { Approved } from '../../src/policy/approved.ts';
import type { Log } from '../../src/ports/log.ts';
import type { Store } from '../../src/ports/store.ts';
import { bareOutcome, NO_OUTPUT, type Outcome } from '../../src/run/outcome.ts';
import type { Plan, Target } from '../../src/run/plan.ts';
import type { Run, TakenJob } from '../../src/run/run.ts';
import { openStore, type StoreSettings } from '../../src/store/open.ts';
import { CHAIN_START } from '../../src/store/schema.ts';
import type { OutboxRow } from '../../src/thread/row.ts';
import { createDatabase } from '../rigs/postgres.ts';

export const ANN = { teamId: 'T1', userId: 'UANN' };
export const BOB = { teamId: 'T1', userId: 'UBOB' };

/** Of a server: what has the tables already (`on-server.ts`). */
export const TEMPLATE = 'made';

export const quiet: Log = { debug() {}, info() {}, warn() {}, error() {} };

export interface StoreRig extends AsyncDisposable {
  readonly folder: string;
  /** Of the file. */
  readonly path: string;
  readonly url: string;
  store: Store;
  /** As another process would find it: closed properly first, or not. */
  reopen(settings?: Partial<StoreSettings>): Promise<Store>;
  /** Another connection to the same file; where there is one. */
  sql(statement: string): Record<string, unknown>[];
  /** Another connection to the same tables. */
  query(statement: string): Promise<Record<string, unknown>[]>;
}

/** The same tests are run on a server as well, where the project `server` of `vitest.config.ts` says so. */
export const [SERVER_PORT, IS_PGLITE] = await import('vitest')
  .then(({ inject }) => [inject('postgresPort'), inject('isPglite')] as const)
  // Processes that tests start use this file as well: none of vitest's, they are told nothing by it.
  .catch(() => [undefined, false] as const);

export async function openRig(settings: Partial<StoreSettings> = {}): Promise<StoreRig> {
  return SERVER_PORT === undefined ? await openFileRig(settings) : await openServerRig(SERVER_PORT, settings);
}

const open = (url: string, settings: Partial<StoreSettings>): Promise<Store> =>
  openStore({
    url,
    hostConcurrency: 1,
    auditChannel: 'CAUDIT',
    mask: (text) => text.replaceAll('hunter2', '[secret]'),
    log: quiet,
    ...settings,
  });

async function openServerRig(port: number, settings: Partial<StoreSettings>): Promise<StoreRig> {
  const url = IS_PGLITE ? await emptyDatabase(port) : await createDatabase(port, TEMPLATE);
  const pool = new pg.Pool({
    connectionString: url,
    max: 1,
    types: { getTypeParser: (oid) => (oid === 20 ? Number : pg.types.getTypeParser(oid)) },
  });
  pool.on('error', () => {});
  const folder = mkdtempSync(join(tmpdir(), 'batchops-store-'));
  const rig: StoreRig = {
    folder,
    path: '',
    url,
    store: await open(url, settings),
    async reopen(more = {}) {
      await rig.store.close().catch(() => {});
      rig.store = await open(url, { ...settings, ...more });
      return rig.store;
    },
    sql() {
      throw new Error('this test is not for a server');
    },
    query: async (statement) => (await pool.query(statement)).rows,
    async [Symbol.asyncDispose]() {
      await rig.store.close().catch(() => {});
      await pool.end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return rig;
}

/** There is one, of which each test is the only one at its time. */
async function emptyDatabase(port: number): Promise<string> {
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const client = new pg.Client(url);
  await client.connect();
  const { rows } = await client.query(`select relname from pg_class
    where relkind = 'r' and relnamespace = 'public'::regnamespace and relname not like 'kysely%'`);
  await client.query(`alter table audit disable trigger user;
    truncate batchops_queue.job, ${rows.map(({ relname }) => relname).join()};
    alter table audit enable trigger user;
    insert into audit_head (id, seq, hash) values (1, 0, '${CHAIN_START}')`);
  await client.end();
  return url;
}

export async function openFileRig(settings: Partial<StoreSettings> = {}): Promise<StoreRig> {
  const folder = mkdtempSync(join(tmpdir(), 'batchops-store-'));
  const path = join(folder, 'batchops.db');
  const url = `file:${path}`;
  const rig: StoreRig = {
    folder,
    path,
    url,
    store: await open(url, settings),
    async reopen(more = {}) {
      await rig.store.close().catch(() => {});
      rig.store = await open(url, { ...settings, ...more });
      return rig.store;
    },
    query: async (statement) => rig.sql(statement),
    sql(statement) {
      const database = new DatabaseSync(path, { timeout: 1_000 });
      try {
        return database.prepare(statement).all();
      } finally {
        database.close();
      }
    },
    async [Symbol.asyncDispose]() {
      await rig.store.close().catch(() => {});
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return rig;
}

export interface PlanWish extends Partial<Omit<Plan, 'targets'>> {
  readonly hosts?: number | readonly string[];
  /** Host → why it is not run on. */
  readonly skip?: Readonly<Record<string, string>>;
}

/** As policy would let it pass. */
export function approvedPlan({ hosts = 3, skip = {}, ...wish }: PlanWish = {}): Approved<Plan> {
  const names = typeof hosts === 'number' ? hostNames(hosts) : hosts;
  const targets = names.map((host, n): Target => {
    const why = skip[host];
    return {
      host,
      ip: `10.0.${n >> 8}.${n & 255}`,
      port: 22,
      user: 'root',
      ...(why !== undefined && { skip: why }),
    };
  });
  const [first, ...rest] = targets;
  if (first === undefined) throw new Error('a plan has a target');
  const plan: Plan = {
    work: { action: 'run', command: 'df -h' },
    targets: [first, ...rest],
    fanOut: 64,
    timeLimitMs: 60_000,
    requester: ANN,
    channelId: 'COPS',
    typed: '/batch_run -h all -cmd "df -h"',
    ...wish,
  };
  return plan as Approved<Plan>;
}

export function hostNames(count: number): string[] {
  return Array.from({ length: count }, (_, n) => `web${String(n + 1).padStart(2, '0')}`);
}

let requests = 0;

/** A run that may start. */
export async function openRun(store: Store, wish: PlanWish = {}): Promise<Run> {
  const { run } = await store.createRun(approvedPlan(wish), `request-${++requests}`);
  await store.releaseRun(run.id, `${requests}.000`);
  return run;
}

export function okOutcome(stdout = '', more: Partial<Outcome> = {}): Outcome {
  return {
    ...bareOutcome('ok', '', 12),
    exitCode: 0,
    ...(stdout !== '' && {
      stdout: { ...NO_OUTPUT, head: stdout, totalBytes: Buffer.byteLength(stdout), sha256: 'a'.repeat(64) },
    }),
    ...more,
  };
}

/** Takes, starts and settles until nothing is left to take. */
export async function drain(
  store: Store,
  outcomeOf: (job: TakenJob) => Outcome = () => okOutcome(),
): Promise<readonly TakenJob[]> {
  const done: TakenJob[] = [];
  for (;;) {
    const started = await store.jobs.start(await store.jobs.take(100));
    if (started.length === 0) return done;
    await store.jobs.settle(started.map((job) => ({ job, outcome: outcomeOf(job) })));
    done.push(...started);
  }
}

/** All that is due now, as a poster that sees nothing fail would take it. */
export function claimAll(
  store: Store,
  more: Partial<Parameters<Store['outbox']['claim']>[0]> = {},
): Promise<readonly OutboxRow[]> {
  return store.outbox.claim({
    limit: 100_000,
    now: Date.now() + 5_000,
    leaseMs: 30_000,
    except: [],
    ...more,
  });
}
