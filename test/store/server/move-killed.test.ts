import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import { expect, inject, test, vi } from 'vitest';
import { openStore } from '../../../src/store/open.ts';
import { createDatabase } from '../../rigs/postgres.ts';
import { drain, openFileRig, openRun, quiet, type StoreRig, TEMPLATE } from '../rig.ts';

const MAIN = new URL('../../../src/main.ts', import.meta.url).pathname;

interface Mover extends Disposable {
  readonly child: ChildProcess;
  said(): string;
  /** Resolves once it has said this. */
  heard(text: string): Promise<void>;
  readonly ended: Promise<unknown>;
}

function startMover({ path, folder }: StoreRig, url: string, ...words: string[]): Mover {
  const child = spawn(process.execPath, [MAIN, 'migrate', 'sqlite-to-postgres', path, ...words], {
    cwd: folder,
    env: words.length > 0 ? {} : { BATCHOPS_DATABASE_URL: url },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  }
  return {
    child,
    said: () => said,
    heard: (text) => vi.waitFor(() => expect(said).toContain(text), { timeout: 20_000, interval: 20 }),
    ended: once(child, 'close').then(([code]) => code),
    [Symbol.dispose]: () => void child.kill('SIGKILL'),
  };
}

const openAt = (url: string) =>
  openStore({ url, hostConcurrency: 1, auditChannel: 'CAUDIT', mask: (text) => text, log: quiet });

/** All that waits is run there, once; the file starts no bot. */
async function expectMoved(rig: StoreRig, url: string, hosts: readonly string[]): Promise<void> {
  await expect(rig.reopen()).rejects.toThrow('was moved to');
  const store = await openAt(url);
  expect((await drain(store)).map(({ host }) => host).toSorted()).toEqual(hosts);
  expect((await store.audit.verify()).faults).toEqual([]);
  await store.close();
}

async function connect(url: string) {
  const client = new pg.Client(url);
  await client.connect();
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() });
}

test('killed while it copies, the server is empty and starts no bot, the file is as before, and the next one moves all', async () => {
  await using rig = await openFileRig();
  await openRun(rig.store, { hosts: 2 });
  await rig.store.close();
  const url = await createDatabase(inject('postgresPort') ?? 0, TEMPLATE);
  await using other = await connect(url);
  await other.query('begin; lock table job in access exclusive mode');
  using mover = startMover(rig, url);
  await mover.heard('audit_head: 1 row');
  mover.child.kill('SIGKILL');
  await mover.ended;
  await other.query('rollback');
  expect((await other.query('select * from run union all select * from run')).rows).toEqual([]);
  await expect(openAt(url)).rejects.toThrow('is being moved');
  await rig.reopen();
  await openRun(rig.store, { hosts: ['later'] });
  await rig.store.close();
  using next = startMover(rig, url);
  expect(await next.ended).toBe(0);
  await expectMoved(rig, url, ['later', 'web01', 'web02']);
});

test.each(['before', 'after'] as const)(
  'killed %s the file is marked, no bot can start on both, and the next one goes on from there',
  async (when) => {
    await using rig = await openFileRig();
    await openRun(rig.store, { hosts: 2 });
    await rig.store.close();
    const url = await createDatabase(inject('postgresPort') ?? 0);
    await using other = await connect(url);
    const writer = new DatabaseSync(rig.path);
    writer.exec('begin immediate');
    using mover = startMover(rig, url);
    await mover.heard('it is as in the file');
    const isThere = async () => (await other.query("select to_regclass('run') as found")).rows[0]?.found;
    await vi.waitFor(async () => {
      expect(await isThere()).toBe('run');
      expect((await other.query('select * from run')).rows).toHaveLength(1);
    });
    if (when === 'after') await other.query('begin; select * from batchops_closed');
    if (when === 'before') mover.child.kill('SIGKILL');
    writer.close();
    if (when === 'after') {
      await mover.heard('is marked as moved');
      mover.child.kill('SIGKILL');
    }
    await mover.ended;
    // What it had asked for last is done all the same, unless the server ends that too.
    await other.query(`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid()`);
    await other.query('rollback');
    await expect(openAt(url)).rejects.toThrow('is being moved');
    const hosts = ['web01', 'web02'];
    if (when === 'before') {
      await rig.reopen();
      await openRun(rig.store, { hosts: ['later'] });
      await rig.store.close();
      hosts.unshift('later');
    } else await expect(rig.reopen()).rejects.toThrow('was moved to');
    using next = startMover(rig, url);
    expect(await next.ended).toBe(0);
    await expectMoved(rig, url, hosts);
  },
);

test('a password is not taken from the command line, and no output shows one', async () => {
  await using rig = await openFileRig();
  await rig.store.close();
  const url = await createDatabase(inject('postgresPort') ?? 0);
  const withPassword = url.replace('batchops@', 'batchops:hunter2@');
  using refused = startMover(rig, url, withPassword);
  expect(await refused.ended).toBe(78);
  expect(refused.said()).toContain('BATCHOPS_DATABASE_URL');
  using mover = startMover(rig, withPassword);
  expect(await mover.ended).toBe(0);
  expect(mover.said()).toMatch(
    /^moved: postgres:\/\/127\.0\.0\.1:\d+\/b\w+ has all of it.*head \d+:[0-9a-f]{64}$/m,
  );
  expect(refused.said() + mover.said()).not.toContain('hunter2');
  // Long output that lies elsewhere than it is looked for from then on is named.
  expect(mover.said()).not.toContain('long output');
  mkdirSync(`${rig.folder}/spool`);
  using typed = startMover(rig, url, url);
  expect(await typed.ended).toBe(0);
  expect(typed.said()).toContain('nothing was left to do');
  expect(typed.said()).toContain(`move ${rig.folder}/spool there first`);
});
