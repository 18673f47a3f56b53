import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { ConfigError, codeOf } from '../../errors.ts';
import type { Log } from '../../ports/log.ts';
import type { Schema } from '../schema.ts';
import { SerialDialect } from './serial-dialect.ts';

/** A server that says nothing for so long is as good as gone: the connection is given up, and all that waits on it. */
const SILENCE_MS = 10_000;
/** Whoever stands still in the middle of a transaction (a frozen process, a cut cable) loses it, and its locks. */
const IDLE_IN_TRANSACTION_MS = 4_000;
const CONNECT_MS = 5_000;

/** bigint and numeric as numbers: ours are times, counts and sums of them, far below 2 ** 53. */
const NUMERIC_TYPES: ReadonlySet<number> = new Set([20, 1700]);
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text') =>
    NUMERIC_TYPES.has(oid) ? Number : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
};

export interface PoolWish {
  /** Which process this is: what it puts down has its name (`opener`). */
  readonly self?: string;
  readonly max: number;
  /** How long one statement may take; without bounds where left out. */
  readonly silenceMs?: number;
  /** How long a transaction may stand still. */
  readonly idleMs?: number;
  readonly log: Log;
}

/** Some connections to the server. None of them being lost ends the process: whoever uses one learns of it. */
export function openPool(
  url: string,
  { max, silenceMs, idleMs = IDLE_IN_TRANSACTION_MS, self, log }: PoolWish,
): pg.Pool {
  const pool = new pg.Pool({
    ...addressOf(url).config,
    max,
    types,
    Client: silenceMs === undefined ? pg.Client : impatient(silenceMs),
    application_name: 'batchops',
    // What was committed is there after a crash of the server: else a job could be started twice.
    options: `-c synchronous_commit=on${self === undefined ? '' : ` -c batchops.self=${self}`}`,
    idle_in_transaction_session_timeout: idleMs,
    connectionTimeoutMillis: CONNECT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: CONNECT_MS,
  });
  const lost = (error: Error): void => log.warn({ err: error }, 'a connection to the database was lost');
  pool.on('error', lost);
  // Of a connection that somebody has at the moment the pool says nothing, and without a listener it would end us.
  pool.on('connect', (client) => client.on('error', lost));
  return pool;
}

/** A cut cable says nothing: what is asked of a connection has its time, and then it is given up. */
function impatient(silenceMs: number): typeof pg.Client {
  return class extends pg.Client {
    // biome-ignore lint/suspicious/noExplicitAny: pg's own signature, with a dozen overloads
    override query(...words: any[]): any {
      // @ts-expect-error: see above
      const asked: unknown = super.query(...words);
      if (!(asked instanceof Promise)) return asked;
      const timer = setTimeout(() => this.connection.stream.destroy(), silenceMs);
      return asked.finally(() => clearTimeout(timer));
    }
  };
}

interface Address {
  /** Without what is secret in it. */
  readonly name: string;
  readonly config: pg.ClientConfig;
}

/** `postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=…`. The text itself is never shown. */
export function addressOf(url: string): Address {
  const parsed = URL.parse(url);
  if (parsed === null || parsed.pathname.length < 2) {
    throw new ConfigError([
      'BATCHOPS_DATABASE_URL: expected postgres://USER@HOST/DATABASE, with what is special in a name or password as %XX',
    ]);
  }
  return {
    name: `postgres://${parsed.host}${parsed.pathname}`,
    config: { connectionString: url },
  };
}

export interface Connected {
  readonly db: Kysely<Schema>;
  close(): Promise<void>;
}

/** For the store: transactions that write come one after the other (`SerialDialect`). */
export function openWriter(
  url: string,
  { onFailure, ...wish }: PoolWish & { readonly onFailure: () => void },
): Connected {
  const pool = openPool(url, { silenceMs: SILENCE_MS, ...wish });
  return toConnected(
    new Kysely<Schema>({
      dialect: new SerialDialect(pool),
      log: ({ level }) => {
        if (level === 'error') onFailure();
      },
    }),
  );
}

/** For what must not wait behind others, and is over in a moment. */
export function openBeater(url: string, log: Log): Connected {
  const pool = openPool(url, { max: 2, silenceMs: 3_000, log });
  return toConnected(new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) }));
}

const QUIET: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** For long walks, and for changes of the tables themselves. */
export function openReader(url: string): Connected {
  const pool = openPool(url, { max: 1, log: QUIET });
  return toConnected(new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) }));
}

/** For one long transaction that fills the tables, beside a connection that keeps others from doing so. */
export function openMover(url: string): Connected {
  const pool = openPool(url, { max: 2, idleMs: 0, log: QUIET });
  return toConnected(new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) }));
}

function toConnected(db: Kysely<Schema>): Connected {
  return { db, close: () => db.destroy() };
}

/** https://www.postgresql.org/docs/current/errcodes-appendix.html: what the administrator has to mend, in a sentence. */
export function asConfigError(name: string, error: unknown): unknown {
  if (error instanceof ConfigError || !(error instanceof Error)) return error;
  const because = (why: string): ConfigError => new ConfigError([`BATCHOPS_DATABASE_URL: ${name} ${why}`]);
  switch (codeOf(error)) {
    case '28P01':
    case '28000':
      return because(`does not let us in (${error.message})`);
    case '3D000':
      return because(`has no such database (${error.message}); make it with createdb`);
    case '42501':
      return because(`does not let us make or use our tables (${error.message})`);
    case '53100':
      return because(`has no room left on its disk (${error.message})`);
    case 'ENOTFOUND':
      return because('has a host name that nobody knows');
    case '42P01':
      return because('has none of our tables; has a bot been started on it?');
    default:
      return error;
  }
}

/** What in the world keeps us from the tables, a clause; undefined where it is nothing that is known. */
export function describeTrouble(error: unknown): string | undefined {
  if (error instanceof Error && codeOf(error) === '53100') return 'the disk of its database is full';
  return isAway(error) ? 'its database does not answer' : undefined;
}

/** The server is not there at the moment, or is just starting or stopping: it may be there again soon. */
export function isAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = String(codeOf(error) ?? '');
  return (
    [
      'ECONNREFUSED',
      'ECONNRESET',
      'ETIMEDOUT',
      'EHOSTUNREACH',
      'ENETUNREACH',
      'EPIPE',
      'EAI_AGAIN',
      'ENOENT',
    ].includes(code) ||
    /^(08|57P)/.test(code) ||
    /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error)/.test(
      error.message,
    )
  );
}
