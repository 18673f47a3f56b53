import pg from 'pg';
import { type BotProcess, startBot } from '../bot-process.ts';
import type { ReplicaShown, ReplicasShown } from './replicas-api.ts';

export interface ReplicaSet extends AsyncDisposable {
  /** Resolves once each of them is ready; rejects with how one ended before. */
  readonly ready: Promise<void>;
  show(): Promise<ReplicasShown>;
  /** False where it is not there. */
  kill(n: number): boolean;
  /** False where it is there still. */
  start(n: number): boolean;
}

export interface ReplicaSettings {
  readonly count: number;
  readonly url: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly onLine?: (line: string) => void;
}

interface Replica {
  readonly n: number;
  bot: BotProcess;
  state: ReplicaShown['state'];
  /** How the database knows it. */
  id: string | undefined;
}

/** Some real bots on one database, each of which may be killed and started again. */
export function openReplicaSet({ count, url, cwd, env, onLine }: ReplicaSettings): ReplicaSet {
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  pool.on('error', () => {});
  const ready = Promise.withResolvers<void>();
  const replicas: Replica[] = [];

  function begin(n: number): Replica {
    const bot = startBot({
      cwd,
      env: { ...env, BATCHOPS_DATABASE_URL: url },
      onLine(line) {
        onLine?.(`${n}: ${line}`);
        const id = readyAs(line);
        if (id === undefined) return;
        Object.assign(replica, { id, state: 'up' });
        if (replicas.length === count && replicas.every(({ state }) => state === 'up')) ready.resolve();
      },
    });
    const replica: Replica = { n, bot, state: 'starting', id: undefined };
    void bot.ended.then((how) => {
      replica.state = 'gone';
      ready.reject(new Error(`replica ${n} ended (${how}):\n${bot.lastLines().join('\n')}`));
    });
    return replica;
  }

  for (let n = 1; n <= count; n++) replicas.push(begin(n));
  // Whoever waits for it hears of it.
  ready.promise.catch(() => {});

  return {
    ready: ready.promise,
    async show() {
      const posting = await pool.query<{ replica: string }>('select replica from posting');
      const running = await pool.query<{ worker: string; run: string; host: string }>(
        "select worker, run_id as run, host from job where state = 'running' order by run_id, position limit 500",
      );
      return {
        replicas: replicas.map(({ n, state, id }) => {
          const own = state === 'up' ? running.rows.filter(({ worker }) => worker === id) : [];
          const runs = [...Map.groupBy(own, ({ run }) => run)].map(([run, jobs]) => ({
            run,
            hosts: jobs.map(({ host }) => host),
          }));
          return { n, state, posts: state === 'up' && posting.rows[0]?.replica === id, runs };
        }),
      };
    },
    kill(n) {
      const replica = replicas.find((one) => one.n === n);
      if (replica === undefined || replica.state === 'gone') return false;
      replica.bot.kill();
      return true;
    },
    start(n) {
      const at = replicas.findIndex((one) => one.n === n);
      if (replicas[at]?.state !== 'gone') return false;
      replicas[at] = begin(n);
      return true;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(replicas.map(({ bot }) => bot[Symbol.asyncDispose]()));
      await pool.end();
    },
  };
}

/** The line that says so has the name under which the database knows the process. */
function readyAs(line: string): string | undefined {
  if (!line.includes('"Batchops is ready"')) return undefined;
  const { process } = JSON.parse(line) as { process?: string };
  return process;
}
