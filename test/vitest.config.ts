import { defineConfig } from 'vitest/config';
import { HAS_POSTGRES } from './rigs/postgres.ts';

/** What of the store and the queue means the same on a server: it is run once more there. */
const ON_SERVER = [
  'test/store/{asked-later,boards,expiry,host-facts,jobs,leftovers,origins,outbox,reads,received,refusals,runs}.test.ts',
  'test/store/rollout/{batches,canary}.test.ts',
  'test/store/server/*.test.ts',
  'test/queue/{dispatcher,schedules}.test.ts',
];

/**
 * PostgreSQL in the process, where there is no server: it has one session, so whatever is about several processes or
 * lost connections stays with a real one. Where there is one, a part of it, so that it goes on to work.
 */
const ON_PGLITE = HAS_POSTGRES
  ? ['test/store/{jobs,runs}.test.ts']
  : [...ON_SERVER.filter((name) => !name.includes('/server/')), 'test/store/server/{record,batches}.test.ts'];

/** What counts its own CPU: what another file left in the heap would be counted with it. */
const ALONE = [
  'test/linear/*.test.ts',
  'test/gather/{diff,mask}.test.ts',
  'test/inventory/expression.test.ts',
  'test/process/log-sink.test.ts',
  'test/ssh/{loop-turns,host-keys/many-hashed}.test.ts',
  'test/store/lanes.test.ts',
  'test/thread/reply/reply.test.ts',
];

/** What each test file finds. */
const EACH_FILE = ['test/rigs/text-mode.ts', 'test/rigs/patience.ts'];

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    // Real servers and a browser on two cores: more workers only make them wait for each other.
    maxWorkers: 2,
    // Nothing is mocked, so files can share what they load: half a second of CPU less for each of some four hundred.
    isolate: false,
    // As `patience.ts` has it for other waits.
    expect: { poll: { timeout: 25_000 } },
    projects: [
      {
        extends: true,
        test: {
          name: 'all',
          include: ['test/**/*.test.ts'],
          // Not without a server.
          exclude: ['test/store/server/**', ...ALONE],
          // All that the bot sends to a local Slack, in whatever test, is judged at the end.
          globalSetup: ['test/conformance/traffic/run.ts'],
          setupFiles: ['test/conformance/traffic/setup.ts', ...EACH_FILE],
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'alone',
          include: ALONE,
          isolate: true,
          setupFiles: EACH_FILE,
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'server',
          // Where there is none on a laptop, this is left out; in CI that is a failure.
          include: HAS_POSTGRES || process.env.CI !== undefined ? ON_SERVER : [],
          globalSetup: ['test/store/on-server.ts'],
          setupFiles: EACH_FILE,
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'pglite',
          include: ON_PGLITE,
          globalSetup: ['test/store/on-server.ts'],
          setupFiles: EACH_FILE,
          // One database, which each test has to itself.
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
