import { readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parse as parseDotenv, populate as populateEnv } from 'dotenv';
import { type Logger, pino } from 'pino';
import {
  type Config,
  DEFAULT_FAN_OUT,
  DEFAULT_TIME_LIMIT_MS,
  readConfig,
  readDatabaseUrl,
} from './config.ts';
import { type Disk, openDisk } from './disk/disk.ts';
import { ConfigError, codeOf, showCode } from './errors.ts';
import { type LearningMask, openMask } from './gather/mask.ts';
import { decodeText, NotText } from './inventory/text.ts';
import { closeUnopened, type RequestContext } from './lifecycle/begin-run.ts';
import { approveStoredRun, executeJob, judgeWaiting, refuseStoredRun } from './lifecycle/execution.ts';
import { expireRecords, filesInUse } from './lifecycle/expiry.ts';
import { Presence } from './lifecycle/presence.ts';
import { threadFacts } from './lifecycle/thread-facts.ts';
import type { Store, TransferFolder, Transport } from './ports.ts';
import { runAuditCommand } from './process/audit-command.ts';
import { openSteadyClock, readBeat } from './process/clocks.ts';
import { type Condition, findTrouble, watch } from './process/condition.ts';
import { createDefectHandler } from './process/defects.ts';
import { checkConfig, formatCheck } from './process/files/check-config.ts';
import { type Fleet, readFleet } from './process/files/fleet-files.ts';
import { makeFolder } from './process/files/folders.ts';
import { ReloadRecord } from './process/files/reloads.ts';
import { findSuspicions } from './process/files/suspicions.ts';
import { WatchedFleet } from './process/files/watched-fleet.ts';
import { openHealth } from './process/health.ts';
import { keepHeapSmall } from './process/heap.ts';
import { type LogSink, openLogSink } from './process/log-sink.ts';
import { FLUSH_MS, GRACE_MS, LINGER_MS } from './process/way-out.ts';
import { ABORT_LIMIT_MS, type Dispatcher, openDispatcher } from './queue/dispatcher.ts';
import { openRequests } from './requests/open-requests.ts';
import { DRAIN_MS, openSlack, type SlackConnection } from './slack/connection.ts';
import { createDirectory } from './slack/directory.ts';
import { createOpener } from './slack/outgoing/opener.ts';
import { openPoster, type Poster } from './slack/outgoing/poster.ts';
import { createSharedFiles } from './slack/shared-files.ts';
import { GOODBYE_MS } from './slack/sockets.ts';
import { formatThreadLink, openWorkspace, POST_TIMEOUT_MS, type Workspace } from './slack/workspace.ts';
import { openHostKeys } from './ssh/host-keys.ts';
import { findKeyFault } from './ssh/login/keys.ts';
import { sweepHalfFiles } from './ssh/part/half-files.ts';
import { keepSwept } from './ssh/part/keep-swept.ts';
import { sweepOldFiles } from './ssh/part/old-files.ts';
import { openSpoolFolder, type SpoolFolder } from './ssh/spool/spool-folder.ts';
import { openTransferFolder } from './ssh/transfer-folder.ts';
import { openTransport } from './ssh/transport.ts';
import { openAuditTrail } from './store/audit.ts';
import { parseDatabaseUrl } from './store/embedded/database.ts';
import { openStore } from './store/open.ts';
import { createRenderer } from './thread/render.ts';
import { delay } from './time/delay.ts';

/** `EX_CONFIG` of sysexits.h: a supervisor need not try again before somebody has mended the settings. */
const EXIT_CONFIG = 78;

// Whoever reads us may go at any time; without a listener that is an uncaught exception.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

const EXPIRE_EVERY_MS = 60 * 60_000;
/** Of what the spool may hold, so much is left by each sweep, so that there is room for what comes. */
const SWEPT_PART = 0.8;

/** Every step of the way out at its longest; README tells it with `LINGER_MS` on top. */
const WAY_OUT_MS = DRAIN_MS + 2 * GOODBYE_MS + GRACE_MS + 2 * ABORT_LIMIT_MS + FLUSH_MS + POST_TIMEOUT_MS;

const [command, ...words] = process.argv.slice(2);
try {
  readDotenvFile();
  if (command === 'audit') {
    process.exitCode = await runAuditCommand(words, () => openAuditTrail(readDatabaseUrl(process.env)), {
      out: process.stdout,
      complain: (text) => process.stderr.write(`batchops: ${text}\n`),
    });
  } else if (command === 'check-config') process.exitCode = await check();
  else if (command === undefined) await serve();
  else throw new ConfigError([`"${command}": expected nothing, check-config, audit verify or audit export`]);
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  for (const problem of error.problems) process.stderr.write(`batchops: ${problem}\n`);
  process.exitCode = EXIT_CONFIG;
} finally {
  setTimeout(() => process.exit(), LINGER_MS).unref();
}

async function check(): Promise<number> {
  const result = await checkConfig({
    env: process.env,
    findKeyFault,
    readKnownHosts: (path) => openHostKeys(path, 'strict'),
  });
  process.stdout.write(formatCheck(result));
  return result.problems.length > 0 ? EXIT_CONFIG : 0;
}

/** The parts as they are opened, known to all that is opened before them. */
interface Bot extends Condition {
  workspace?: Workspace;
  slack?: SlackConnection;
  dispatcher?: Dispatcher;
  poster?: Poster;
}

/** What every part is made with. */
interface Base {
  readonly config: Config;
  readonly fleet: WatchedFleet;
  readonly mask: LearningMask;
  readonly log: Logger;
  readonly sink: LogSink;
  /** Epoch ms of a clock that nobody can set. */
  readonly steady: () => number;
  readonly bot: Bot;
  /** Begins the way out. */
  readonly end: () => void;
  /** What is opened first is closed last, also where the start fails half-way. */
  readonly opened: AsyncDisposableStack;
}

/** What the bot stands on: the disk and the way to the hosts. */
interface Footing {
  readonly store: Store;
  readonly disk: Disk;
  readonly transfers: TransferFolder;
  /** Its true path. */
  readonly transfersDir: string;
  readonly spool: SpoolFolder;
  readonly transport: Transport;
}

async function serve(): Promise<void> {
  keepHeapSmall();
  const config = readConfig(process.env);
  const fleet = new WatchedFleet(config, () => readFleet(config, process.env, findKeyFault));
  makeFolder('BATCHOPS_KNOWN_HOSTS', dirname(config.knownHostsPath));
  makeFolder('BATCHOPS_TRANSFER_DIR', config.transferDir);
  const ending = Promise.withResolvers<void>();
  await using opened = new AsyncDisposableStack();
  const bot: Bot = { phase: 'starting', waitingFor: '', hasDefect: false };
  const base: Base = {
    config,
    fleet,
    ...openLog(config, fleet),
    steady: openSteadyClock(),
    bot,
    end: ending.resolve,
    opened,
  };
  const { log } = base;
  catchDefects(base);
  process.on('SIGHUP', () => fleet.readAgain());
  for (const suspicion of findSuspicions(config, process.env, fleet))
    log.warn({}, `is this meant? ${suspicion}`);

  const footing = await openFooting(base);
  const { store, disk } = footing;
  const uses = async () => await disk.uses(await store.usedBytes());
  const source = watch(bot, { ping: () => store.ping(), uses }, base.sink.lost);
  const health = opened.adopt(await openHealth(config.http, source), (it) => it.close());
  const workspace = await reachSlack(base);
  const context = openContext(base, footing, workspace);
  await closeUnopenedRuns(context);
  keepDiskTidy(base, footing);
  planWayOut(base, store);
  const slack = await openWayIn(base, context, workspace);
  await beginWork(base, footing, context, workspace);
  followFiles(base, footing, context);
  const { hosts } = fleet.inventory;
  const { rules } = fleet.allowlist;
  log.info(
    { hosts: hosts.size, rules: rules.length, health: health.address, port: slack.port },
    'Batchops is ready',
  );

  await ending.promise;
  bot.phase = 'stopping';
  // Whatever a step hangs on, a supervisor does not wait for it longer than README says.
  setTimeout(() => process.exit(), WAY_OUT_MS + LINGER_MS).unref();
  await opened.disposeAsync();
  log.info({}, 'stopped');
}

function openLog(config: Config, { inventory }: Fleet) {
  const mask = openMask();
  mask.learn([...secretsOf(inventory), ...tokensOf(config)]);
  const sink = openLogSink(process.stdout);
  const log = pino(
    { level: config.logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    { write: (line) => sink.write(mask.now().text(line)) },
  );
  return { mask, sink, log };
}

function catchDefects({ log, bot, end }: Base): void {
  const onDefect = createDefectHandler({
    log: (error) => log.fatal({ err: error }, 'a defect; stopping, so that the supervisor starts afresh'),
    onFirst() {
      bot.hasDefect = true;
      process.exitCode = 1;
      // Nothing runs yet, so nothing has to be brought to an end.
      if (bot.phase === 'starting') process.exit();
      end();
    },
  });
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) process.on(event, onDefect);
}

async function openFooting({ config, fleet, mask, log, steady, opened }: Base): Promise<Footing> {
  const { databaseUrl: url, hostConcurrency, person: shares, auditChannel, transferDir } = config;
  const masked = (text: string): string => mask.now().text(text);
  const databaseDir = dirname(parseDatabaseUrl(url));
  const spoolDir = join(databaseDir, 'spool');
  const transfersDir = realpathSync(transferDir);
  const disk = opened.use(openDisk(transfersDir, { databaseDir, spoolDir }, config.disk));
  const findShortage = disk.databaseShortage;
  const store = opened.adopt(
    await openStore({
      url,
      hostConcurrency,
      shares,
      findShortage,
      auditChannel,
      mask: masked,
      log,
      steady,
    }),
    (it) => it.close(),
  );
  const transfers = openTransferFolder(transferDir, store.origins, disk.transfers);
  const spool = openSpoolFolder(spoolDir, log, disk.spool);
  const transport = opened.adopt(
    openTransport({
      hostKeys: await openHostKeys(config.knownHostsPath, config.hostKeyPolicy),
      findHost: (name) => fleet.inventory.hosts.get(name.toLowerCase()),
      secretsMask: () => mask.now(),
      transferDir,
      origins: store.origins,
      room: disk.transfers,
      spool,
      leftovers: store.leftovers,
      log,
    }),
    (it) => it.close(),
  );
  return { store, disk, transfers, transfersDir, spool, transport };
}

async function reachSlack({ config, mask, log, steady, bot }: Base): Promise<Workspace> {
  const workspace = await openWorkspace(config.slack, {
    mask: (text, typed) => mask.now().text(text, typed),
    log,
    clock: steady,
    onWaiting: (why) => {
      bot.waitingFor = why;
    },
  });
  bot.workspace = workspace;
  return workspace;
}

function openContext(
  { config, fleet, log, steady, bot }: Base,
  { store, transfers }: Footing,
  workspace: Workspace,
): RequestContext {
  return {
    // Both may be read again at any time.
    get inventory() {
      return fleet.inventory;
    },
    get allowlist() {
      return fleet.allowlist;
    },
    directory: createDirectory(workspace, log),
    store,
    opener: createOpener(workspace, log, steady),
    sharedFiles: createSharedFiles(config.slack, workspace, log),
    threadLink: (channelId, ts) => formatThreadLink(workspace, channelId, ts),
    transfers,
    limits: {
      maxFanOut: config.concurrency,
      fanOut: Math.min(DEFAULT_FAN_OUT, config.concurrency),
      maxTimeLimitMs: config.maxTimeLimitMs,
      timeLimitMs: Math.min(DEFAULT_TIME_LIMIT_MS, config.maxTimeLimitMs),
    },
    abort: (jobs) => bot.dispatcher?.cancel(jobs),
    isOpen: () => bot.phase !== 'stopping',
    log,
    now: Date.now,
  };
}

/** What is older than it is to be kept, or more than there is room for, goes: never what a run or its thread still needs. */
function keepDiskTidy({ config, bot, log, opened }: Base, { store, spool, transfersDir }: Footing): void {
  const { keep, disk } = config;
  const sweepSpool = async (): Promise<number> =>
    await spool.sweep(Date.now() - keep.spoolMs, await store.unfinishedRuns(), disk.spoolBytes * SWEPT_PART);
  const sweepTransfers = async (): Promise<number> =>
    await sweepOldFiles({
      dir: transfersDir,
      origins: store.origins,
      uploadedBefore: Date.now() - keep.uploadMs,
      fetchedBefore: Date.now() - keep.fetchedMs,
      inUse: await filesInUse(store),
    });
  const kept = { outputMs: keep.outputMs, runMs: keep.runMs, maxBytes: disk.databaseBytes };
  const expire = async (): Promise<number> =>
    await expireRecords(store.expiry, kept, () => bot.phase !== 'stopping');
  opened.use(keepSwept('output', sweepSpool, log, EXPIRE_EVERY_MS));
  opened.use(keepSwept('files', sweepTransfers, log));
  opened.use(keepSwept('half files', () => sweepHalfFiles(config.transferDir, Date.now()), log));
  opened.use(keepSwept('records, in steps', expire, log, EXPIRE_EVERY_MS));
}

/** Last step first: no new request, no new job, then the last results to Slack. */
function planWayOut({ bot, steady, opened }: Base, store: Store): void {
  opened.defer(async () => {
    if (bot.poster !== undefined) await flush(store, steady, FLUSH_MS);
    await bot.poster?.close();
  });
  opened.defer(() => bot.dispatcher?.stop(GRACE_MS));
  opened.defer(() => bot.slack?.stop());
}

async function openWayIn(
  { config, log, bot, end }: Base,
  context: RequestContext,
  workspace: Workspace,
): Promise<SlackConnection> {
  const slack = await openSlack({
    settings: config.slack,
    workspace,
    desk: openRequests(context),
    log,
    onFatal: (error) => {
      log.fatal({ err: error }, 'Slack refuses us; stopping');
      process.exitCode = 1;
      end();
    },
  });
  bot.slack = slack;
  // Whoever started us over a channel (the sandbox) owns us: without it nobody would ever stop us.
  process.once('disconnect', end);
  process.channel?.unref();
  // Nothing is on the wire before this line: whatever kept the start from getting here has run nothing.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      log.info({ signal }, 'stopping; once more to stop at once');
      process.once(signal, () => process.exit(130));
      end();
    });
  }
  return slack;
}

async function beginWork(
  { config, mask, log, steady, bot, opened }: Base,
  { store, spool, transport }: Footing,
  context: RequestContext,
  workspace: Workspace,
): Promise<void> {
  const presence = opened.adopt(
    await Presence.open({
      store,
      read: readBeat,
      trouble: () => findTrouble(bot, store),
      resumeWithinMs: config.resumeWithinMs,
      log,
    }),
    (it) => it.close(),
  );
  bot.phase = 'open';
  bot.dispatcher = openDispatcher({
    jobs: store.jobs,
    concurrency: config.concurrency,
    execute: (job, plan, signal) => executeJob(context, transport, job, plan, signal),
    approve: (runId) => approveStoredRun(context, runId),
    refuse: (runId, refusal) => refuseStoredRun(context, runId, refusal),
    beforeStart: () => presence.check(),
    log,
  });
  bot.poster = openPoster({
    outbox: store.outbox,
    render: createRenderer(threadFacts(context, () => mask.now(), spool)),
    workspace,
    log,
    now: steady,
  });
}

/** What is changed on disk is in force at once, for what waits as well; what is on the wire goes on. */
function followFiles(
  { fleet, mask, log, bot, opened }: Base,
  { store, transport }: Footing,
  context: RequestContext,
): void {
  const record = opened.adopt(new ReloadRecord({ record: (event) => store.recordEvent(event), log }), (it) =>
    it.close(),
  );
  const following = fleet.follow({
    beforeChange: ({ inventory }) => mask.learn(secretsOf(inventory)),
    onChange(changes) {
      bot.dispatcher?.judgeAgain();
      transport.closeStale();
      record.changed(changes);
      for (const warning of [...fleet.inventory.warnings, ...fleet.allowlist.warnings]) {
        log.warn({}, `is this meant? ${warning}`);
      }
      judgeWaiting(context).catch((error: unknown) => {
        log.error({ err: error }, 'what waits is judged when it is about to start');
      });
    },
    onFailure: (problems) => record.failed(problems),
  });
  opened.adopt(following, (it) => it.close());
}

/** A `.env` that is there and cannot be read would else look like a handful of missing settings. */
function readDotenvFile(): void {
  try {
    populateEnv(process.env, parseDotenv(decodeText(readFileSync('.env'), 'full-line')));
  } catch (error) {
    if (error instanceof NotText) throw new ConfigError([`.env ${error.message}`]);
    if (codeOf(error) !== 'ENOENT') throw new ConfigError([`.env: cannot be read (${showCode(error)})`]);
  }
}

function secretsOf(inventory: Fleet['inventory']): readonly string[] {
  return inventory.secrets.map((secret) => secret.reveal());
}

function tokensOf({ slack }: Config): readonly string[] {
  const { mode } = slack;
  return [slack.botToken, mode.kind === 'socket' ? mode.appToken : mode.signingSecret].map((it) =>
    it.reveal(),
  );
}

/** Runs that were stored and had not begun when the last process ended. */
async function closeUnopenedRuns(context: RequestContext): Promise<void> {
  for (const run of await context.store.openRuns()) {
    if (run.state !== 'opening') continue;
    await closeUnopened(context, run).catch((error: unknown) => {
      context.log.warn(
        { run: run.id, err: error },
        'a run of the last process has no thread: nothing of it ran',
      );
    });
  }
}

/** Lets the poster bring the last results to Slack; what does not make it goes at the next start. */
async function flush(store: Store, steady: () => number, withinMs: number): Promise<void> {
  const until = steady() + withinMs;
  for (;;) {
    const dueAt = await store.outbox.nextDueAt();
    if (dueAt === undefined || dueAt > until || steady() > until) return;
    await delay(100);
  }
}
