import { statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { openStore } from '../../../src/store/open.ts';
import { ADA, ada, type Home, makeHome, OPS, openTeamSlack, startBot } from '../../rigs/bot.ts';
import { makeKeyPair } from '../../rigs/sshd.ts';
import { ANN, approvedPlan, claimAll, drain, hostNames, okOutcome, quiet } from '../../store/rig.ts';
import { atMost, table } from '../report.ts';
import { median } from '../rounds.ts';

const JOBS_A_RUN = 100;
const ROUNDS = 5;

export interface YearsFigures {
  readonly jobs: number;
  readonly fileMb: number;
  /** From the process's start to `Batchops is ready`: without a database, and with all these jobs in it. */
  readonly emptyStartMs: number;
  readonly startMs: number;
  /** From what a person does to what they see. */
  readonly answerMs: Readonly<Record<'runs' | 'show' | 'home', number | undefined>>;
}

/** What years have left in the file: how long the bot takes to start on it, and to answer from it. */
export async function measureYears(jobs: number): Promise<YearsFigures> {
  await using slack = await openTeamSlack();
  await using empty = await openHomeOf();
  await using full = await openHomeOf();
  await fillDatabase(full.path('data/batchops.db'), jobs / JOBS_A_RUN);
  const start = async (
    home: Home,
  ): Promise<{ readonly ms: number; readonly bot: Awaited<ReturnType<typeof startBot>> }> => {
    const since = performance.now();
    // What is old stays: how fast it goes is not measured here.
    const bot = await startBot(home, slack, {
      BATCHOPS_KEEP_OUTPUT: 'forever',
      BATCHOPS_KEEP_RUNS: 'forever',
    });
    return { ms: performance.now() - since, bot };
  };
  const { ms: emptyStartMs, bot: emptyBot } = await start(empty);
  await emptyBot.stop();
  const { ms: startMs, bot } = await start(full);
  await using _ = bot;
  const ask = (text: string) =>
    medianMs(async () => {
      const asked = await slack.command(ada(text, '/batch'));
      await slack.waitFor(() => asked.answers()[0], 20_000);
    });
  const answerMs = {
    runs: await ask('runs'),
    show: await ask('show r-y00042 web07'),
    home: await medianMs(async () => {
      const before = slack.home(ADA);
      await slack.openHome({ user: ADA });
      await slack.waitFor(() => slack.home(ADA) !== before, 20_000);
    }),
  };
  const fileMb = Math.round(statSync(full.path('data/batchops.db')).size / 1e6);
  return { jobs, fileMb, emptyStartMs, startMs, answerMs };
}

export function formatYears({
  jobs,
  fileMb,
  emptyStartMs,
  startMs,
  answerMs,
}: YearsFigures): readonly string[] {
  const ms = (value: number | undefined): string => (value === undefined ? '–' : `${Math.round(value)} ms`);
  return [
    `${jobs.toLocaleString('en-US')} ended jobs of ${JOBS_A_RUN} a run in a database of ${fileMb} MB`,
    ...table([
      ['start', ms(startMs), 'on an empty one', ms(emptyStartMs)],
      ['/batch runs', ms(answerMs.runs), '', ''],
      ['/batch show RUN HOST', ms(answerMs.show), '', ''],
      ['Home', ms(answerMs.home), '', ''],
    ]),
    atMost('start', startMs / 1_000, 3, 's'),
    atMost(
      'slowest answer',
      Math.max(...Object.values(answerMs).map((value) => value ?? Number.NaN)),
      500,
      'ms',
    ),
  ];
}

async function medianMs(once: () => Promise<void>): Promise<number | undefined> {
  const taken: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const since = performance.now();
    await once();
    taken.push(performance.now() - since);
  }
  return median(taken);
}

function openHomeOf(): Promise<Home> {
  const hosts = hostNames(JOBS_A_RUN).map((name, n) => `[${name}]\nip = 127.81.0.${n + 1}\n`);
  return makeHome({
    key: `${makeKeyPair().private.trimEnd()}\n`,
    'inventory.ini': `[DEFAULT]\nuser = ada\nkey = key\n${hosts.join('')}`,
    'allowlist.ini': `[all]\nusers = ${ADA}\nchannels = *\nhosts = all\nactions = run, audit\ncommands = *\n`,
  });
}

/** One run as the bot stores it, and its rows again and again under other names. The chain of the audit is not whole. */
async function fillDatabase(path: string, runs: number): Promise<void> {
  const store = await openStore({
    url: `file:${path}`,
    hostConcurrency: 1,
    auditChannel: undefined,
    mask: (text) => text,
    log: quiet,
  });
  const plan = approvedPlan({ hosts: JOBS_A_RUN, requester: { ...ANN, userId: ADA }, channelId: OPS });
  const { run } = await store.createRun(plan, 'first');
  await store.releaseRun(run.id, '1.1');
  await drain(store, () =>
    okOutcome('Filesystem  Size  Used Avail Use% Mounted on\n/dev/vda1  252G  25G  78G  24% /\n'),
  );
  for (;;) {
    const rows = await claimAll(store, { now: Date.now() + 1e10 });
    if (rows.length === 0) break;
    for (const row of rows) await store.outbox.sent(row, `1.${row.position + 2}`);
  }
  await store.close();
  const database = new DatabaseSync(path);
  database.exec(`pragma journal_mode = off; pragma synchronous = off; pragma foreign_keys = off;
    create temp table n (n integer primary key);
    insert into n with recursive up(n) as (values(1) union all select n + 1 from up where n < ${runs - 1}) select n from up`);
  const columnsOf = (table: string): string[] =>
    database
      .prepare('select name from pragma_table_info(?)')
      .all(table)
      .map(({ name }) => String(name));
  const multiply = (table: string, changed: Readonly<Record<string, string>>): void => {
    const columns = columnsOf(table);
    database.exec(`insert into ${table} (${columns.join(', ')})
      select ${columns.map((column) => changed[column] ?? `t.${column}`).join(', ')} from n, ${table} t`);
  };
  const id = "printf('r-y%05d', n.n)";
  const minutesLater = (column: string): string => `t.${column} + n.n * 60000 - ${runs} * 60000`;
  const job = (column: string): string => `printf('%06x', n.n) || t.${column}`;
  multiply('run', {
    id,
    number: 't.number + n.n',
    request_key: id,
    created_at: minutesLater('created_at'),
    finished_at: minutesLater('finished_at'),
  });
  multiply('job', { id: job('id'), run_id: id });
  multiply('result', { job_id: job('job_id') });
  multiply('output', { job_id: job('job_id') });
  multiply('outbox', { key: `replace(t.key, '${run.id}', ${id})`, turn: id, run_id: id });
  multiply('audit', {
    seq: 't.seq + n.n * 10',
    run_id: id,
    at: minutesLater('at'),
    hash: "printf('%08x', n.n) || substr(t.hash, 9)",
  });
  database.exec(
    `update audit_head set seq = (select max(seq) from audit), runs = (select max(number) from run)`,
  );
  database.close();
}
