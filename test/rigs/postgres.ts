import { execFile, execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chownSync, existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { mountSmall } from './small-disk.ts';

/** Debian keeps each version's programs apart; the newest is taken. */
const BIN = globSync('/usr/lib/postgresql/*/bin').toSorted().at(-1) ?? '/usr/lib/postgresql/none';
const execute = promisify(execFile);
const IS_ROOT = userInfo().uid === 0;

/** As root it is started as the user `postgres`, whom the package makes: the server refuses root. */
export const HAS_POSTGRES = existsSync(`${BIN}/postgres`);

export interface PostgresServer extends AsyncDisposable {
  readonly port: number;
  /** Where its files are. */
  readonly data: string;
  /** The process that all its others are children of. */
  pid(): number;
  /** An empty database of its own. */
  createDatabase(): Promise<string>;
  /** Without a goodbye to anybody, as a crash is; `start` has it recover. */
  crash(): Promise<void>;
  start(): Promise<void>;
}

/**
 * A real server on loopback, in a folder that goes with it. `isHasty`: it would not survive a power cut. `kib`: that
 * folder is a disk of its own, of so many KiB.
 */
export async function startPostgres(isHasty = false, kib?: number): Promise<PostgresServer> {
  const folder = mkdtempSync(join(tmpdir(), 'batchops-postgres-'));
  const disk = kib === undefined ? undefined : mountSmall(folder, kib);
  const data = join(folder, 'data');
  if (IS_ROOT) {
    const [, , uid, gid] = execFileSync('getent', ['passwd', 'postgres'], { encoding: 'utf8' }).split(':');
    chownSync(folder, Number(uid), Number(gid));
  }
  await as(`${BIN}/initdb`, [
    '-D',
    data,
    '-U',
    'batchops',
    '-A',
    'trust',
    '-E',
    'UTF8',
    '--locale=C.UTF-8',
    '--no-sync',
  ]);
  const port = await freePort();
  const start = async (): Promise<void> => {
    const settings = [
      `-p ${port}`,
      '-h 127.0.0.1',
      `-k ${folder}`,
      '-c max_connections=200',
      '-c log_min_messages=fatal',
      `-c fsync=${isHasty ? 'off' : 'on'}`,
      ...(kib === undefined ? [] : ['-c min_wal_size=32MB', '-c max_wal_size=48MB']),
    ];
    await as(`${BIN}/pg_ctl`, [
      '-D',
      data,
      '-w',
      '-t',
      '60',
      '-l',
      join(folder, 'log'),
      '-o',
      settings.join(' '),
      'start',
    ]);
    await answers(port);
  };
  await start();
  return {
    port,
    data,
    pid: () => Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[0]),
    createDatabase: () => createDatabase(port),
    crash: () => as(`${BIN}/pg_ctl`, ['-D', data, '-m', 'immediate', '-w', 'stop']),
    start,
    async [Symbol.asyncDispose]() {
      try {
        await as(`${BIN}/pg_ctl`, ['-D', data, '-m', 'immediate', '-w', 'stop']);
      } catch {
        // It is down already.
      }
      disk?.[Symbol.dispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A new one of the server on this port: empty, or as another one is. */
export async function createDatabase(port: number, template = 'template1'): Promise<string> {
  const name = `b${randomUUID().replaceAll('-', '')}`;
  const client = new pg.Client(`postgres://batchops@127.0.0.1:${port}/postgres`);
  await client.connect();
  await client.query(`create database ${name} template ${template}`);
  await client.end();
  return `postgres://batchops@127.0.0.1:${port}/${name}`;
}

/** Whoever waits for it may have other work meanwhile. */
async function as(program: string, words: readonly string[]): Promise<void> {
  const [file, args] = IS_ROOT
    ? ['runuser', ['-u', 'postgres', '--', program, ...words]]
    : [program, [...words]];
  await execute(file, args, { cwd: '/' });
}

async function answers(port: number): Promise<void> {
  for (;;) {
    const client = new pg.Client(`postgres://batchops@127.0.0.1:${port}/postgres`);
    void client.on('error', () => {});
    try {
      await client.connect();
      return;
    } catch {
      await delay(50);
    } finally {
      await client.end().catch(() => {});
    }
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
