import { DatabaseSync } from 'node:sqlite';

/** What is looked at from outside, of whichever store the bot was given. */
export interface StoreView {
  readonly name: string;
  /** `BATCHOPS_DATABASE_URL`. */
  readonly url: string;
  /** The file that each of its writes goes to; undefined where that is none of this machine's. */
  readonly writesTo: string | undefined;
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
}

export function viewSqlite(path: string): StoreView {
  /** A reader of its own each time: one that stays would keep what is erased in the write-ahead log. */
  const read = <T>(ask: (database: DatabaseSync) => T): T => {
    using database = new DatabaseSync(path, { readOnly: true, timeout: 5_000 });
    return ask(database);
  };
  return {
    name: 'SQLite',
    url: `file:${path}`,
    writesTo: `${path}-wal`,
    async left() {
      try {
        return read((database) => {
          const count = (what: string): number =>
            Number(database.prepare(`select count(*) as n from ${what}`).get()?.n);
          return {
            openRuns: count('run where finished_at is null'),
            dueRows: count("outbox where due_at is not null and given_up_at is null and turn <> 'audit'"),
            unanswered: count('received'),
          };
        });
      } catch {
        // Before its tables are made, or while its disk is full.
        return undefined;
      }
    },
    async jobs() {
      return read((database) =>
        database
          .prepare(
            `select run.id as run, run.plan_json as plan, job.host, job.state, job.kind, result.job_id as result
               from job join run on run.id = job.run_id left join result on result.job_id = job.id`,
          )
          .all()
          .map(({ run, plan, host, state, kind, result }) => ({
            run: String(run),
            tag: tagOf(String(plan)),
            host: String(host),
            state: String(state),
            kind: kind === null ? null : String(kind),
            hasResult: result !== null,
          })),
      );
    },
  };
}

/** What a command of ours is told from all others by, wherever it stands. */
export function tagOf(text: string): string {
  return /\btag=([\w-]+)/.exec(text)?.[1] ?? '';
}
