import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { migrateServer } from '../../src/store/migrations/server.ts';
import { openPool, openReader } from '../../src/store/postgres/connect.ts';
import { Engine } from '../../src/store/postgres/queue/engine.ts';
import { startPglite } from '../rigs/pglite.ts';
import { createDatabase, HAS_POSTGRES, startPostgres } from '../rigs/postgres.ts';
import { quiet, TEMPLATE } from './rig.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Of a server for the tests of the store; undefined where they are on files. */
    postgresPort: number | undefined;
    /** It is PGlite: of one session, and one database, which is emptied for each test. */
    isPglite: boolean;
  }
}

let server: (AsyncDisposable & { readonly port: number }) | undefined;

/** One server for all tests of the project, a database for each. */
export async function setup(project: TestProject): Promise<void> {
  const isPglite = project.name === 'pglite';
  if (isPglite) {
    server = await startPglite();
    await makeTables(`postgres://postgres@127.0.0.1:${server.port}/postgres`);
  } else if (HAS_POSTGRES) {
    server = await startPostgres(true);
    await makeTemplate(server.port);
  }
  project.provide('postgresPort', server?.port);
  project.provide('isPglite', isPglite);
}

async function makeTables(url: string): Promise<void> {
  const reader = openReader(url);
  await migrateServer(reader.db, 'the template');
  await reader.close();
  const pool = openPool(url, { max: 2, log: quiet });
  await (await Engine.open(pool, quiet)).close();
  await pool.end();
}

/** With the tables and no row: to copy it is a tenth of what it takes to make them. */
async function makeTemplate(port: number): Promise<void> {
  const url = await createDatabase(port);
  await makeTables(url);
  const client = new pg.Client(`postgres://batchops@127.0.0.1:${port}/postgres`);
  await client.connect();
  await client.query(`alter database ${new URL(url).pathname.slice(1)} rename to ${TEMPLATE}`);
  await client.end();
}

export async function teardown(): Promise<void> {
  await server?.[Symbol.asyncDispose]();
}
