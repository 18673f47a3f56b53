import { execFileSync } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.ts';

/** Debian keeps each version's programs apart; the newest is taken. */
const BIN = globSync('/usr/lib/postgresql/*/bin').toSorted().at(-1);

export interface DemoPostgres extends AsyncDisposable {
  readonly url: string;
}

/** A server for this demo alone, on loopback, in a folder of its own that goes with it: the demo's is for nobody else. */
export async function startPostgres(): Promise<DemoPostgres> {
  if (BIN === undefined || !existsSync(`${BIN}/initdb`)) {
    throw new Error(
      '--replicas needs PostgreSQL on this machine: apt install postgresql, or leave --replicas away',
    );
  }
  const home = await mkdtemp(join(tmpdir(), 'batchops-demo-postgres-'));
  const data = join(home, 'data');
  // The server refuses root; the package has made a user for it.
  const isRoot = userInfo().uid === 0;
  if (isRoot) {
    const [, , uid, gid] = execFileSync('getent', ['passwd', 'postgres'], { encoding: 'utf8' }).split(':');
    await chown(home, Number(uid), Number(gid));
  }
  const run = (program: string, words: readonly string[]): void => {
    const [file, args] = isRoot
      ? ['runuser', ['-u', 'postgres', '--', `${BIN}/${program}`, ...words]]
      : [`${BIN}/${program}`, [...words]];
    execFileSync(file, args, { stdio: ['ignore', 'ignore', 'pipe'], cwd: '/' });
  };
  const port = await freePort();
  run('initdb', ['-D', data, '-U', 'batchops', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync']);
  const settings = `-p ${port} -h 127.0.0.1 -k ${home} -c fsync=off`;
  run('pg_ctl', ['-D', data, '-w', '-t', '60', '-l', join(home, 'log'), '-o', settings, 'start']);
  return {
    url: `postgres://batchops@127.0.0.1:${port}/postgres`,
    async [Symbol.asyncDispose]() {
      run('pg_ctl', ['-D', data, '-m', 'immediate', '-w', 'stop']);
      await rm(home, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}
