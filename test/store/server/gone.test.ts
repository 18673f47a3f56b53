import { type ChildProcess, spawn } from 'node:child_process';
import pg from 'pg';
import { expect, test, vi } from 'vitest';
import type { Run } from '../../../src/run/run.ts';
import { FENCE_MS, KEPT_MS, LEASE_MS, LOOK_MS } from '../../../src/time/lease.ts';
import { BOB, claimAll, openRig, openRun, type StoreRig } from '../rig.ts';
import { openAnother } from './another.ts';

const OTHER = new URL('other-process.ts', import.meta.url).pathname;
/** As README says; a busy machine may hold up whoever finds it out. */
const WITHIN_MS = 15_000;
const HELD_UP_MS = 10_000;

interface OtherProcess extends Disposable {
  readonly child: ChildProcess;
  said(): string;
}

function startOther(url: string): OtherProcess {
  const child = spawn(process.execPath, [OTHER, url], {
    env: { PATH: process.env.PATH },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (more: string) => {
    text += more;
  });
  return { child, said: () => text, [Symbol.dispose]: () => void child.kill('SIGKILL') };
}

async function heard(other: OtherProcess, word: string): Promise<void> {
  await vi.waitFor(() => expect(other.said()).toContain(word), { timeout: 20_000, interval: 20 });
}

async function interrupted(rig: StoreRig, { id }: Run, count: number): Promise<number> {
  const since = performance.now();
  await vi.waitFor(
    async () => expect((await rig.store.findRun(id))?.progress.settled.interrupted).toBe(count),
    { timeout: 30_000, interval: 100 },
  );
  return performance.now() - since;
}

/** Its server, from another database. */
async function serverOf({ url }: StoreRig) {
  const database = new URL(url).pathname.slice(1);
  const client = new pg.Client(url.replace(database, 'postgres'));
  await client.connect();
  return {
    database,
    query: (statement: string) => client.query(statement),
    [Symbol.asyncDispose]: () => client.end(),
  };
}

test.concurrent('what a process ran that was killed is told as unknown within 15 s; its hosts are free only once it must have ended its commands there; nothing of it runs again', async () => {
  await using rig = await openRig();
  const run = await openRun(rig.store, { hosts: 5, fanOut: 3 });
  using other = startOther(rig.url);
  await heard(other, 'started 3');
  other.child.kill('SIGKILL');
  const killedAt = performance.now();
  expect(await rig.store.jobs.take(10)).toEqual([]);
  expect(LEASE_MS + LOOK_MS).toBeLessThan(WITHIN_MS);
  expect(await interrupted(rig, run, 3)).toBeLessThan(WITHIN_MS + HELD_UP_MS);
  // Its hosts are wanted, by somebody else too.
  await openRun(rig.store, { hosts: ['web01', 'web02', 'web03'], requester: BOB });
  const rest = await rig.store.jobs.start(await rig.store.jobs.take(10));
  expect(rest.map(({ host }) => host)).toEqual(['web04', 'web05']);
  // Whoever comes new reads the tables from the start.
  await using newcomer = await openAnother(rig);
  expect(await newcomer.jobs.take(10)).toEqual([]);
  const freed = await vi.waitFor(
    async () => {
      const taken = await rig.store.jobs.take(10);
      expect(taken).not.toEqual([]);
      return taken;
    },
    { timeout: 40_000, interval: 100 },
  );
  // As long as the sum in lease.ts: out of touch, and all steps of an ending. It was heard of up to a second before, or
  // longer where it was held up.
  expect(performance.now() - killedAt).toBeGreaterThan(LEASE_MS + KEPT_MS - 5_000);
  expect(freed.map(({ host }) => host)).toEqual(['web01', 'web02', 'web03']);
  const actions = (await rig.query('select action from audit order by seq')).map(({ action }) => action);
  expect(actions).toContain('interrupted');
  expect((await rig.store.audit.verify()).faults).toEqual([]);
}, 60_000);

test.concurrent('one that stood still ends what it runs as soon as it goes on, and what it knows takes the place of "unknown"', async () => {
  await using rig = await openRig();
  const run = await openRun(rig.store, { hosts: 2, rollout: { maxFail: { count: 5 } } });
  using other = startOther(rig.url);
  await heard(other, 'started 2');
  other.child.kill('SIGSTOP');
  await interrupted(rig, run, 2);
  const before = await claimAll(rig.store);
  for (const row of before) await rig.store.outbox.sent(row, '5.5');
  other.child.kill('SIGCONT');
  await heard(other, 'cut-off 2');
  await heard(other, 'settled');
  // A rollout counts them as failures no more.
  expect(await rig.query('select failures from rollout')).toEqual([{ failures: 0 }]);
  const job = await rig.store.findJob(run.id, 'web01');
  expect(job?.outcome).toMatchObject({
    kind: 'ok',
    reason: 'reported late: until now it was told as unknown',
    stdout: { head: 'so it went' },
  });
  const [late] = await rig.query("select detail_json from audit where action = 'late'");
  expect(JSON.parse(String(late?.detail_json))).toMatchObject({
    hosts: ['web01', 'web02'],
    outcomes: { ok: 2 },
  });
  expect((await rig.store.audit.verify()).faults).toEqual([]);
  // In messages of their own, below those that said "unknown".
  const due = (await claimAll(rig.store)).filter(({ key }) => key.startsWith('reply:'));
  expect(due.map(({ key, ts, joins }) => [key, ts, joins])).toEqual(
    [1, 2].map((n) => [`reply:${run.id}:web0${n}`, null, null]),
  );
}, 90_000);

test.concurrent('out of touch with the database, a process is told to end what it runs before its hosts are given away', async () => {
  const unheard: string[] = [];
  await using rig = await openRig();
  await openRun(rig.store, { hosts: 2 });
  const started = await rig.store.jobs.start(await rig.store.jobs.take(2));
  const stopped = Promise.withResolvers<number>();
  rig.store.jobs.onStop((ids, why) => {
    unheard.push(`${why} ${ids.length}`);
    stopped.resolve(performance.now());
  });
  const cutAt = performance.now();
  // Nobody is let in, and who is in is thrown out: a server that is there, and cannot be asked.
  await using server = await serverOf(rig);
  await server.query(`alter database ${server.database} allow_connections false`);
  await server.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${server.database}'`,
  );
  const fencedMs = (await stopped.promise) - cutAt;
  // It was heard of a second before, or longer where it was held up.
  expect(fencedMs).toBeGreaterThan(FENCE_MS - 5_000);
  expect(fencedMs).toBeLessThan(LEASE_MS + KEPT_MS);
  expect(unheard).toEqual(['cut-off 2']);
  await expect(rig.store.jobs.start(started)).rejects.toThrow('out of touch');
  expect(await rig.store.jobs.take(5)).toEqual([]);
  await expect(rig.store.ping()).rejects.toThrow();
  await server.query(`alter database ${server.database} allow_connections true`);
  await vi.waitFor(() => rig.store.ping(), { timeout: 10_000 });
}, 60_000);
