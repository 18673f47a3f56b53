import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import pg from 'pg';
import { expect, test, vi } from 'vitest';
import { openPool } from '../../../src/store/postgres/connect.ts';
import { repeatDeadlocked } from '../../../src/store/postgres/queue/deadlocks.ts';
import { Engine } from '../../../src/store/postgres/queue/engine.ts';
import { BOB, okOutcome, openRig, openRun, quiet, type StoreRig } from '../rig.ts';
import { openAnother } from './another.ts';

/** A transaction of somebody else's on the tickets. */
async function openOther({ url }: StoreRig) {
  const client = new pg.Client(url);
  await client.connect();
  await client.query('begin');
  return {
    lock: (id: string) =>
      client.query('select id from batchops_queue.job where id = $1 for update', [id]).then(() => {}),
    commit: () => client.query('commit'),
    /** Somebody is kept waiting by it. */
    async isInTheWay(): Promise<boolean> {
      const { rows } = await client.query('select 1 from pg_locks where not granted and locktype = $1', [
        'transactionid',
      ]);
      return rows.length > 0;
    },
    [Symbol.asyncDispose]: () => client.end(),
  };
}

/** The tickets in the order in which whoever wants all of them comes to them. */
async function ticketsOf(rig: StoreRig): Promise<readonly [string, string]> {
  const [first, second] = await rig.query('select id from batchops_queue.job order by ctid');
  return [String(first?.id), String(second?.id)];
}

test('a beat and whoever has tickets in their hands, in whatever order, do not end in a deadlock: a beat waits for nobody', async () => {
  await using rig = await openRig();
  await openRun(rig.store, { hosts: 2 });
  await rig.store.jobs.start(await rig.store.jobs.take(2));
  const [first, second] = await ticketsOf(rig);
  await using other = await openOther(rig);
  await other.lock(second);
  const pool = openPool(rig.url, { max: 2, log: quiet });
  const engine = await Engine.open(pool, quiet);
  const heardAt = async (id: string) =>
    (await rig.query(`select heartbeat_on::text as at from batchops_queue.job where id = '${id}'`))[0]?.at;
  const before = [await heardAt(first), await heardAt(second)];
  let isOver = false;
  const touched = engine.touch([first, second]).finally(() => {
    isOver = true;
  });
  await vi.waitFor(async () => expect(isOver || (await other.isInTheWay())).toBe(true), { timeout: 10_000 });
  // And now the other way about.
  expect((await Promise.all([other.lock(first), touched]))[1]).toEqual([first]);
  expect(await heardAt(first)).not.toBe(before[0]);
  expect(await heardAt(second)).toBe(before[1]);
  await other.commit();
  await engine.touch([first, second]);
  expect(await heardAt(second)).not.toBe(before[1]);
  await engine.close();
  await pool.end();
});

test('outcomes whose transaction was ended by a deadlock are stored by the next one, once', async () => {
  const complaints: string[] = [];
  await using rig = await openRig();
  const run = await openRun(rig.store, { hosts: 2 });
  const started = await rig.store.jobs.start(await rig.store.jobs.take(2));
  const [first, second] = await ticketsOf(rig);
  await using other = await openOther(rig);
  await other.lock(second);
  const settled = rig.store.jobs
    .settle(started.map((job) => ({ job, outcome: okOutcome('so it went') })))
    .catch((error: unknown) => void complaints.push(String(error)));
  await vi.waitFor(async () => expect(await other.isInTheWay()).toBe(true), { timeout: 10_000 });
  // Whichever of the two the server ends.
  await other.lock(first).catch(() => {});
  await other.commit();
  await settled;
  expect(complaints).toEqual([]);
  expect((await rig.store.findRun(run.id))?.progress).toMatchObject({ running: 0, settled: { ok: 2 } });
  expect(await rig.query('select id from batchops_queue.job')).toEqual([]);
  expect((await rig.store.audit.verify()).faults).toEqual([]);
  expect(await rig.query("select 1 from audit where action = 'settled'")).toHaveLength(1);
});

test('what a deadlock undid is done once more, three times at most, and what failed otherwise is not', async () => {
  const times = async (codes: readonly string[]) => {
    let done = 0;
    const write = async () => {
      const code = codes[done++];
      if (code !== undefined) throw Object.assign(new Error(code), { code });
    };
    const end = await repeatDeadlocked(write).then(
      () => 'done',
      (error: unknown) => String(error),
    );
    return [done, end];
  };
  const deadlock = '40P01';
  expect(await times([deadlock])).toEqual([2, 'done']);
  expect(await times(Array(9).fill(deadlock))).toEqual([4, `Error: ${deadlock}`]);
  expect(await times(['53100'])).toEqual([1, 'Error: 53100']);
});

/** A way to the server on which the next commit of what was done with tickets is lost, or the answer to it. */
async function openForgetfulWay(url: string) {
  const server = new URL(url);
  const port = Number(server.port);
  let toForget: 'answer' | 'commit' | undefined;
  const listener = createServer((near) => {
    const far = connect(port, server.hostname);
    let isOfTickets = false;
    let isForgotten = false;
    near.on('data', (chunk) => {
      const said = chunk.toString('latin1');
      if (toForget !== undefined && said.includes('batchops_queue')) isOfTickets = true;
      const isDue = toForget !== undefined && isOfTickets && said.includes('commit');
      if (isDue && toForget === 'commit') near.destroy();
      else far.write(chunk);
      isForgotten ||= isDue;
      if (isDue) toForget = undefined;
    });
    far.on('data', (chunk) => {
      if (isForgotten) near.destroy();
      else near.write(chunk);
    });
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      one.on('error', () => {});
      one.on('close', () => other.destroy());
    }
  }).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  server.port = String(typeof address === 'object' ? address?.port : '');
  return {
    url: server.href,
    forget: (what: 'answer' | 'commit') => {
      toForget = what;
    },
    [Symbol.dispose]: () => void listener.close(),
  };
}

test('jobs that were taken without that anybody was told wait on, and are taken once by the next who asks', async () => {
  await using rig = await openRig();
  using way = await openForgetfulWay(rig.url);
  await using other = await openAnother(rig, { url: way.url });
  await openRun(rig.store, { hosts: 3 });
  way.forget('answer');
  await expect(other.jobs.take(3)).rejects.toThrow(/connection/i);
  expect(await rig.query("select 1 from job where state = 'queued' and worker is not null")).toHaveLength(3);
  const started = await other.jobs.start(await other.jobs.take(3));
  expect(started.map(({ host }) => host).sort()).toEqual(['web01', 'web02', 'web03']);
  expect(await rig.store.jobs.take(3)).toEqual([]);
  expect(await rig.query('select 1 from batchops_queue.job')).toHaveLength(3);
});

test('what was given back in a transaction that was undone, and starts after all, is heard of when it is to end', async () => {
  await using rig = await openRig();
  using way = await openForgetfulWay(rig.url);
  await using other = await openAnother(rig, { url: way.url });
  const run = await openRun(rig.store, { hosts: 2, channelId: 'COPS' });
  const taken = await other.jobs.take(2);
  await rig.store.places.close('COPS', 'is_archived');
  way.forget('commit');
  await expect(other.jobs.start(taken)).rejects.toThrow(/connection/i);
  await rig.store.places.reopen('COPS');
  const stopped = Promise.withResolvers<readonly string[]>();
  other.jobs.onStop((ids, why) => why === 'cancelled' && stopped.resolve(ids));
  expect(await other.jobs.start(taken)).toHaveLength(2);
  await rig.store.cancelRun(run.id, BOB);
  expect([...(await stopped.promise)].toSorted()).toEqual(taken.map(({ id }) => id).toSorted());
});
