import type { TestProject } from 'vitest/node';
import { HAS_POSTGRES, type PostgresServer, startPostgres } from '../rigs/postgres.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Of a server for the tests of the store; undefined where they are on files. */
    postgresPort: number | undefined;
  }
}

let server: PostgresServer | undefined;

/** One server for all tests of the project, a database for each. */
export async function setup(project: TestProject): Promise<void> {
  if (HAS_POSTGRES) server = await startPostgres();
  project.provide('postgresPort', server?.port);
}

export async function teardown(): Promise<void> {
  await server?.[Symbol.asyncDispose]();
}
