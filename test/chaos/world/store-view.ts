import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import type { Server } from './server.ts';

/** What is looked at from outside, of whichever store the bot was given. */
export interface StoreView {
  readonly name: string;
  /** `BATCHOPS_DATABASE_URL`, past whatever stands between it and the bot. */
  readonly url: string;
  /** The file or folder that each of its writes goes to. */
  readonly writesTo: string;
  /** What is still to be done; undefined while it cannot be read. */
  left(): Promise<Left | undefined>;
  jobs(): Promise<readonly StoredJob[]>;
}

export interface Left {
  readonly openRuns: number;
  /** Messages of runs that Slack is still to get. */
  readonly dueRows: number;
  readonly unanswered: number;
}

export interface StoredJob {
  readonly run: string;
  readonly tag: string;
  readonly host: string;
  readonly state: string;
  readonly kind: string | null;
  readonly hasResult: boolean;
  /** Why its run does not go on by itself. */
  readonly held: string | null;
  /** Epoch ms. */
  readonly endedAt: number | null;
}

const LEFT = {
  openRuns: 'run where finished_at is null',
  dueRows: "outbox where due_at is not null and given_up_at is null and turn <> 'audit'",
  unanswered: 'received',
};
const JOBS = `select run.id as run, run.plan_json as plan, job.host, job.state, job.kind, job.ended_at as ended, run.held,
  result.job_id as result from job join run on run.id = job.run_id left join result on result.job_id = job.id`;

export function viewSqlite(path: string): StoreView {
  /** A reader of its own each time: one that stays would keep what is erased in the write-ahead log. */
  const read = async <T>(ask: (database: DatabaseSync) => T | Promise<T>): Promise<T> => {
    using database = new DatabaseSync(path, { readOnly: true, timeout: 5_000 });
    return await ask(database);
  };
  return {
    name: 'SQLite',
    url: `file:${path}`,
    writesTo: `${path}-wal`,
    async left() {
      try {
        return await read((database) => countLeft((what) => database.prepare(what).get()?.n));
      } catch {
        // Before its tables are made, or while its disk is full.
        return undefined;
      }
    },
    async jobs() {
      return read((database) => database.prepare(JOBS).all().map(toJob));
    },
  };
}

export function viewPostgres({ url, writesTo }: Pick<Server, 'url' | 'writesTo'>): StoreView {
  const read = async <T>(ask: (client: pg.Client) => Promise<T>): Promise<T> => {
    const client = new pg.Client({
      connectionString: url,
      query_timeout: 10_000,
      connectionTimeoutMillis: 5_000,
    });
    // It may end at any time, as the server does.
    client.on('error', () => {});
    try {
      await client.connect();
      return await ask(client);
    } finally {
      await client.end().catch(() => {});
    }
  };
  return {
    name: 'PostgreSQL',
    url,
    writesTo,
    async left() {
      try {
        return await read((client) =>
          countLeft(async (what) => (await client.query<{ n: string }>(what)).rows[0]?.n),
        );
      } catch {
        // Before its tables are made, or while it is away.
        return undefined;
      }
    },
    async jobs() {
      return await read(async (client) => (await client.query<Row>(JOBS)).rows.map(toJob));
    },
  };
}

async function countLeft(ask: (what: string) => unknown): Promise<Left> {
  const count = async (what: string): Promise<number> =>
    Number(await ask(`select count(*) as n from ${what}`));
  return {
    openRuns: await count(LEFT.openRuns),
    dueRows: await count(LEFT.dueRows),
    unanswered: await count(LEFT.unanswered),
  };
}

type Row = Readonly<Record<string, unknown>>;

function toJob({ run, plan, host, state, kind, result, ended, held }: Row): StoredJob {
  return {
    run: String(run),
    tag: tagOf(String(plan)),
    host: String(host),
    state: String(state),
    kind: kind === null ? null : String(kind),
    hasResult: result !== null,
    held: held === null ? null : String(held),
    endedAt: ended === null ? null : Number(ended),
  };
}

/** What a command of ours is told from all others by, wherever it stands. */
export function tagOf(text: string): string {
  return /\btag=([\w-]+)/.exec(text)?.[1] ?? '';
}
