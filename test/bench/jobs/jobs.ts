import { fork } from 'node:child_process';
import { on, once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HAS_POSTGRES, startPostgres } from '../../rigs/postgres.ts';
import { REQUESTER } from '../fleet.ts';
import { bar, fixed, table } from '../report.ts';
import type { Order, Told } from './replica.ts';
import { type Turns, watchTurns } from './writers.ts';

const REPLICA = new URL('replica.ts', import.meta.url).pathname;
const HOSTS = 10_000;
const MOST_HOSTS_A_RUN = 1_000;
/** Code that is compiled, as in a bot that is up. */
const WARM_UP_JOBS = 2_000;

/** What some jobs took, from the release of their runs to the last stored outcome; all runs were stored before. */
export interface JobsFigure {
  readonly on: 'SQLite' | 'PostgreSQL';
  readonly replicas: number;
  readonly jobs: number;
  readonly ms: number;
  /** To store and audit a run, of each of its jobs. */
  readonly createMsPerJob: number;
  readonly cpuMsPerJob: number;
  /** Of the server and its processes. */
  readonly serverCpuMsPerJob?: number;
  readonly turns?: Turns;
}

export interface JobsWish {
  /** So many at a time on one process. */
  readonly growth: readonly number[];
  readonly replicas: readonly number[];
  /** So many where processes are compared. */
  readonly jobs: number;
  say(line: string): void;
}

/** Jobs a second on hosts that answer at once: store, queue, dispatcher, policy and audit as the bot has them. */
export async function measureJobs({ growth, replicas, jobs, say }: JobsWish): Promise<readonly JobsFigure[]> {
  await using opened = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'batchops-jobs-'));
  opened.defer(() => rm(folder, { recursive: true, force: true }));
  await writeFleet(folder);
  const figures: JobsFigure[] = [];
  const note = (figure: JobsFigure): void => {
    figures.push(figure);
    say(
      `jobs: ${figure.jobs} on ${figure.on}, ${figure.replicas} process(es): ${fixed(perSecond(figure), 0)}/s`,
    );
  };
  {
    await using engines = await startEngines(folder, `file:${join(folder, 'data', 'batchops.db')}`, 1);
    for (const count of growth) note(await engines.carryOut('SQLite', count));
  }
  if (!HAS_POSTGRES) {
    say('PostgreSQL is not installed');
    return figures;
  }
  await using server = await startPostgres();
  for (const count of replicas) {
    await using engines = await startEngines(folder, await server.createDatabase(), count);
    const rounds = count === 1 ? growth : [jobs];
    for (const round of rounds) note(await engines.carryOut('PostgreSQL', round, server.port));
  }
  return figures;
}

async function writeFleet(folder: string): Promise<void> {
  const hosts = Array.from(
    { length: HOSTS },
    (_, i) => `[h${i + 1}]\nip = 127.1.${i >> 8}.${i & 255}\npassword = x\n`,
  );
  await mkdir(join(folder, 'transfers'));
  await writeFile(join(folder, 'inventory.ini'), `[DEFAULT]\nuser = me\n${hosts.join('')}`);
  await writeFile(
    join(folder, 'allowlist.ini'),
    `[bench]\nusers = ${REQUESTER.userId}\nchannels = *\nhosts = all\nactions = run\ncommands = *\n`,
  );
}

interface Engines extends AsyncDisposable {
  carryOut(on: JobsFigure['on'], jobs: number, serverPort?: number): Promise<JobsFigure>;
}

async function startEngines(folder: string, url: string, count: number): Promise<Engines> {
  await using opened = new AsyncDisposableStack();
  const args = [url, join(folder, 'inventory.ini'), join(folder, 'allowlist.ini'), join(folder, 'transfers')];
  const engines = await Promise.all(
    Array.from({ length: count }, async () => {
      const engine = startEngine(args);
      opened.use(engine);
      await engine.next('ready');
      return engine;
    }),
  );
  const [first] = engines;
  if (first === undefined) throw new Error('one at least');

  const cpuMs = async (serverPort?: number) => {
    const own = await Promise.all(engines.map((engine) => engine.ask({ do: 'tell' }, 'used')));
    return {
      own: own.reduce((sum, used) => sum + used.cpuMs, 0),
      server: serverPort === undefined ? 0 : await serverCpuMs(serverPort),
    };
  };
  const round = async (on: JobsFigure['on'], jobs: number, serverPort?: number): Promise<JobsFigure> => {
    const createdAt = performance.now();
    const { runIds } = await first.ask({ do: 'create', runs: hostsOfRuns(jobs) }, 'created');
    const createMsPerJob = (performance.now() - createdAt) / jobs;
    const before = await cpuMs(serverPort);
    const ended = Promise.withResolvers<void>();
    let left = jobs;
    for (const engine of engines) {
      engine.onEnded = (count) => {
        left -= count;
        if (left <= 0) ended.resolve();
      };
    }
    const turnsSeen = serverPort === undefined ? undefined : await watchTurns(url);
    const since = performance.now();
    await first.ask({ do: 'release', runIds }, 'released');
    await ended.promise;
    const ms = performance.now() - since;
    const turns = await turnsSeen?.();
    const after = await cpuMs(serverPort);
    return {
      on,
      replicas: count,
      jobs,
      ms,
      createMsPerJob,
      cpuMsPerJob: (after.own - before.own) / jobs,
      ...(serverPort !== undefined && { serverCpuMsPerJob: (after.server - before.server) / jobs }),
      ...(turns && { turns }),
    };
  };
  await round('SQLite', WARM_UP_JOBS);
  const stop = opened.move();
  return { carryOut: round, [Symbol.asyncDispose]: () => stop.disposeAsync() };
}

/** Each run on other hosts, as long as there are some. */
function hostsOfRuns(jobs: number): readonly (readonly string[])[] {
  const size = Math.min(jobs, MOST_HOSTS_A_RUN);
  return Array.from({ length: Math.ceil(jobs / size) }, (_, run) =>
    Array.from({ length: size }, (__, i) => `h${((run * size + i) % HOSTS) + 1}`),
  );
}

interface EngineProcess extends AsyncDisposable {
  onEnded: (jobs: number) => void;
  next<Kind extends Told['kind']>(kind: Kind): Promise<Told & { readonly kind: Kind }>;
  ask<Kind extends Told['kind']>(order: Order, kind: Kind): Promise<Told & { readonly kind: Kind }>;
}

/** A Node profile of it: `NODE_OPTIONS="--cpu-prof --cpu-prof-dir=DIR" npm run bench -- --only jobs`. */
function startEngine(args: readonly string[]): EngineProcess {
  const child = fork(REPLICA, args);
  const gone = new AbortController();
  child.once('exit', (code) => gone.abort(new Error(`an engine ended with ${code}`)));
  child.on('message', (told: Told) => {
    if (told.kind === 'ended') engine.onEnded(told.jobs);
  });
  const engine: EngineProcess = {
    onEnded: () => {},
    async next<Kind extends Told['kind']>(kind: Kind) {
      for await (const [told] of on(child, 'message', { signal: gone.signal })) {
        if (told.kind === kind) return told as Told & { readonly kind: Kind };
      }
      throw gone.signal.reason;
    },
    ask(order, kind) {
      const answer = engine.next(kind);
      child.send(order);
      return answer;
    },
    async [Symbol.asyncDispose]() {
      if (gone.signal.aborted) return;
      const exit = once(child, 'exit');
      child.disconnect();
      await exit;
    },
  };
  return engine;
}

/** User and system time of the server's first process and its children, also of those that have ended. */
async function serverCpuMs(port: number): Promise<number> {
  const stats = await Promise.all(
    (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(readProcess),
  );
  const found = stats.filter((one) => one !== undefined);
  const first = found.find(({ line }) => line.includes(`\0-p\0${port}\0`) || line.includes(`-p ${port}`));
  if (first === undefined) return Number.NaN;
  const children = found.filter(({ parent }) => parent === first.pid);
  return [first, ...children].reduce((sum, { ticks }) => sum + ticks, 0) * 10 + first.reapedTicks * 10;
}

/** proc(5): from behind the name, which may hold anything. */
async function readProcess(pid: string) {
  try {
    const line = await readFile(`/proc/${pid}/cmdline`, 'latin1');
    const fields = (await readFile(`/proc/${pid}/stat`, 'latin1')).split(') ').at(-1)?.split(' ') ?? [];
    const at = (index: number): number => Number(fields[index] ?? 0);
    return { pid: Number(pid), line, parent: at(1), ticks: at(11) + at(12), reapedTicks: at(13) + at(14) };
  } catch {
    return undefined;
  }
}

const perSecond = ({ jobs, ms }: JobsFigure): number => (jobs / ms) * 1_000;

export function formatJobs(figures: readonly JobsFigure[]): readonly string[] {
  const find = (on: JobsFigure['on'], replicas: number) =>
    figures.findLast((one) => one.on === on && one.replicas === replicas);
  const rateOf = (on: JobsFigure['on'], replicas: number): number | undefined => {
    const figure = find(on, replicas);
    return figure && perSecond(figure);
  };
  const sqlite = rateOf('SQLite', 1);
  const one = rateOf('PostgreSQL', 1);
  return [
    'jobs on hosts that answer at once; from the release of their runs to the last stored outcome',
    ...table([
      [
        '',
        'processes',
        'jobs',
        'jobs/s',
        'CPU ms/job',
        'server CPU ms/job',
        'to store a run, ms/job',
        'some transaction open',
        'of these idle',
        'waiting for their turn',
      ],
      ...figures.map((figure) => [
        figure.on,
        `${figure.replicas}`,
        figure.jobs.toLocaleString('en'),
        fixed(perSecond(figure), 0),
        fixed(figure.cpuMsPerJob, 3),
        fixed(figure.serverCpuMsPerJob, 3),
        fixed(figure.createMsPerJob, 3),
        percent(figure.turns?.openPercent),
        percent(figure.turns?.idlePercent),
        fixed(figure.turns?.waiting, 2),
      ]),
    ]),
    ...(sqlite === undefined ? [] : [atLeast('SQLite', sqlite, 3_000)]),
    ...(one === undefined ? [] : [atLeast('PostgreSQL', one, 2_000)]),
    ...[2, 3].flatMap((replicas) => {
      const many = rateOf('PostgreSQL', replicas);
      if (many === undefined || one === undefined) return [];
      const grown = many / one / replicas;
      return [
        bar(
          `PostgreSQL, ${replicas} processes, against as many times one`,
          grown >= 0.8,
          fixed(grown, 2),
          '≥ 0.8',
        ),
      ];
    }),
  ];
}

const percent = (value: number | undefined): string => (value === undefined ? '–' : `${fixed(value, 0)} %`);

const atLeast = (what: string, rate: number, least: number): string =>
  bar(`${what}, one process`, rate >= least, `${fixed(rate, 0)} jobs/s`, `≥ ${least} jobs/s`);
