import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Logger } from 'pino';
import own from '../package.json' with { type: 'json' };
import { type Config, hasAuditChannel, limitsOf, readConfig, readDatabaseUrl } from './config.ts';
import { openDisk } from './disk/disk.ts';
import { ConfigError } from './errors.ts';
import type { LearningMask } from './gather/mask.ts';
import type { RequestContext } from './lifecycle/begin-run.ts';
import { CopyMeters } from './lifecycle/copy-meters.ts';
import { approveStoredRun, executeJob, judgeWaiting, refuseStoredRun } from './lifecycle/execution.ts';
import { expireRecords } from './lifecycle/expiry.ts';
import { closeUnopenedRuns } from './lifecycle/open-run.ts';
import { Presence } from './lifecycle/presence.ts';
import { threadFacts } from './lifecycle/thread-facts.ts';
import type { Meters } from './ports/meters.ts';
import type { Store } from './ports/store.ts';
import { Anchors } from './process/anchors.ts';
import { beatBy, openSteadyClock, readBeat } from './process/clocks.ts';
import { runAuditCommand } from './process/commands/audit-command.ts';
import { runBackupCommand } from './process/commands/backup-command.ts';
import { nameOfUser, runOutboxCommand } from './process/commands/outbox-command.ts';
import { type Condition, findTrouble, watch } from './process/condition.ts';
import { endOnDefect } from './process/defects.ts';
import { runCheckConfig } from './process/files/check-config.ts';
import { readDotenvFile } from './process/files/dotenv-file.ts';
import { makeFolder } from './process/files/folders.ts';
import { findSuspicions } from './process/files/suspicions.ts';
import { readFleet } from './process/fleet/fleet-files.ts';
import { followFleet } from './process/fleet/follow-fleet.ts';
import { WatchedFleet } from './process/fleet/watched-fleet.ts';
import { openHealth } from './process/health.ts';
import { keepHeapSmall } from './process/heap.ts';
import { keepSwept } from './process/keep-swept.ts';
import { openLog } from './process/log/open-log.ts';
import { openMetrics } from './process/metrics/metrics.ts';
import { fitOpenFiles, type OpenFiles, openFilesLimit, shareOpenFiles } from './process/open-files.ts';
import { FLUSH_MS, flush, GRACE_MS, heedSignals, LINGER_MS } from './process/shutdown.ts';
import { ABORT_LIMIT_MS, type Dispatcher, openDispatcher } from './queue/dispatcher.ts';
import { openRequests } from './requests/open-requests.ts';
import { DRAIN_MS, openSlack, type SlackConnection } from './slack/connection.ts';
import { createDirectory } from './slack/directory.ts';
import { createOpener } from './slack/outgoing/opener.ts';
import { openPoster, type Poster } from './slack/outgoing/poster.ts';
import { createSharedFiles } from './slack/shared-files.ts';
import { GOODBYE_MS } from './slack/socket-mode/socket.ts';
import { formatThreadLink, openWorkspace, POST_TIMEOUT_MS, type Workspace } from './slack/workspace.ts';
import { fileSweeps } from './ssh/file-sweeps.ts';
import { openHostKeys } from './ssh/host-keys/host-keys.ts';
import { findKeyFault } from './ssh/login/keys.ts';
import { openSpoolFolder } from './ssh/spool/spool-folder.ts';
import { openTransferFolder } from './ssh/transfer-folder.ts';
import { openTransport } from './ssh/transport.ts';
import { openAuditTrail } from './store/audit/trail.ts';
import { backUp } from './store/backup.ts';
import { databaseFolder } from './store/database-url.ts';
import { openStore } from './store/open.ts';
import { openOutboxDesk } from './store/outbox/administer.ts';
import { createRenderer } from './thread/render.ts';

/** How often a process looks for what others that are gone left to be told. */
const LOOK_AFTER_MS = 5_000;

/** `EX_CONFIG` of sysexits.h: a supervisor need not try again before somebody has mended the settings. */
const EXIT_CONFIG = 78;

// Whoever reads us may go at any time; without a listener that is an uncaught exception.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

/** Every step of the shutdown at its longest; README tells it with `LINGER_MS` on top. */
const SHUTDOWN_MS = DRAIN_MS + 2 * GOODBYE_MS + GRACE_MS + 2 * ABORT_LIMIT_MS + FLUSH_MS + POST_TIMEOUT_MS;

const [command, ...words] = process.argv.slice(2);
try {
  readDotenvFile(process.env);
  if (command === undefined) await serve();
  else if (command === 'audit') {
    const openTrail = () => openAuditTrail(readDatabaseUrl(process.env));
    process.exitCode = await runAuditCommand(words, openTrail, { out: process.stdout, complain });
  } else if (command === 'backup') {
    const copy = (file: string) => backUp(readDatabaseUrl(process.env), file, Date.now);
    await runBackupCommand(words, copy, process.stdout);
  } else if (command === 'outbox') {
    const auditLines = hasAuditChannel(process.env) ? 'channel' : 'nobody';
    const desk = openOutboxDesk({ databaseUrl: readDatabaseUrl(process.env), auditLines, now: Date.now });
    const by = nameOfUser(process.env.SUDO_USER);
    process.exitCode = await runOutboxCommand(words, desk, { out: process.stdout, by });
  } else if (command === 'check-config') {
    const readKnownHosts = (path: string) => openHostKeys(path, 'strict', async () => {});
    const check = { env: process.env, findKeyFault, readKnownHosts };
    if (!(await runCheckConfig(check, process.stdout))) process.exitCode = EXIT_CONFIG;
  } else
    throw new ConfigError([
      `"${command}": expected nothing, check-config, audit verify, audit export, backup FILE, outbox list or outbox retry`,
    ]);
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  error.problems.forEach(complain);
  process.exitCode = EXIT_CONFIG;
} finally {
  setTimeout(() => process.exit(), LINGER_MS).unref();
}

function exit(code: number): void {
  process.exit(code);
}

function complain(problem: string): void {
  process.stderr.write(`batchops: ${problem}\n`);
}

/** The parts as they are opened, known to all that is opened before them. */
interface Bot extends Condition {
  workspace?: Workspace;
  slack?: SlackConnection;
  dispatcher?: Dispatcher;
  poster?: Poster;
  anchors?: Anchors;
}

/** What every part is made with. */
interface Setup {
  /** As it was set; and so that there are files enough for it. */
  readonly asked: Config;
  readonly config: Config;
  readonly openFiles: OpenFiles;
  readonly fleet: WatchedFleet;
  readonly mask: LearningMask;
  readonly log: Logger;
  readonly meters: Meters;
  /** Epoch ms of a clock that nobody can set. */
  readonly steady: () => number;
  readonly bot: Bot;
  /** Begins the shutdown. */
  readonly end: () => void;
  /** What is opened first is closed last, also where the start fails half-way. */
  readonly opened: AsyncDisposableStack;
}

/** The store, the disk and the transport to the hosts. */
type Backend = Awaited<ReturnType<typeof openBackend>>;

/** What requests are heard and carried out with. */
interface Parts extends Setup, Backend {
  readonly context: RequestContext;
  readonly workspace: Workspace;
}

/** From the settings to the last result in Slack. Each part is opened once those that it needs stand. */
async function serve(): Promise<void> {
  keepHeapSmall();
  const asked = readConfig(process.env);
  const openFiles = shareOpenFiles(openFilesLimit());
  const config = fitOpenFiles(asked, openFiles);
  const fleet = new WatchedFleet(config, () => readFleet(config, process.env, findKeyFault));
  makeFolder('BATCHOPS_KNOWN_HOSTS', dirname(config.knownHostsPath));
  makeFolder('BATCHOPS_TRANSFER_DIR', config.transferDir);
  const { log, mask, sink } = openLog(process.stdout, config, fleet.inventory);
  const { promise: isEnding, resolve: end } = Promise.withResolvers<void>();
  const bot: Bot = { phase: 'starting', waitingFor: '', hasDefect: false };
  await using opened = new AsyncDisposableStack();
  const { meters, ...metrics } = openMetrics(own.version);
  const steady = openSteadyClock();
  const setup: Setup = { asked, config, openFiles, fleet, mask, log, meters, steady, bot, end, opened };
  endOnDefect(bot, { log, end, exit });
  process.on('SIGHUP', () => fleet.readAgain());
  for (const found of findSuspicions(config, process.env, fleet)) log.warn({}, `is this meant? ${found}`);

  if (config.concurrency < asked.concurrency) {
    log.warn(
      { openFiles: openFiles.limit, asked: asked.concurrency, concurrency: config.concurrency },
      'too few files may be open for as many hosts at once: fewer are asked, until `ulimit -n` is raised',
    );
  }
  const backend = await openBackend(setup);
  const { store, disk } = backend;
  const uses = async () => await disk.uses(await store.usedBytes());
  const recording = { ping: () => store.ping(), uses, backlog: () => store.backlog() };
  const source = watch(bot, recording, sink.lost);
  const health = opened.adopt(await openHealth(config.http, metrics, source), (it) => it.close());
  const workspace = await reachSlack(setup, store);
  const context = openContext(setup, backend, workspace);
  const parts: Parts = { ...setup, ...backend, context, workspace };
  await closeUnopenedRuns(context);
  sweepRegularly(parts);
  planShutdown(parts);
  const slack = await openListeners(parts);
  await beginWork(parts);
  followFiles(parts);
  if (store.isShared) lookAfterOthers(parts, slack);
  const { hosts } = fleet.inventory;
  const { rules } = fleet.allowlist;
  log.info(
    { hosts: hosts.size, rules: rules.length, health: health.address, port: slack.port },
    'Batchops is ready',
  );

  await isEnding;
  bot.phase = 'stopping';
  // Whatever a step hangs on, a supervisor does not wait for it longer than README says.
  setTimeout(() => process.exit(), SHUTDOWN_MS + LINGER_MS).unref();
  await opened.disposeAsync();
  log.info({}, 'stopped');
}

async function openBackend({ config, openFiles, fleet, mask, log, meters, steady, bot, opened }: Setup) {
  const { databaseUrl: url, hostConcurrency, person: shares, auditChannel, transferDir } = config;
  const { resumeWithinMs } = config;
  const masked = (text: string): string => mask.now().text(text);
  const databaseDir = databaseFolder(url);
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
      resumeWithinMs,
      mask: masked,
      log,
      meters,
      steady,
      beat: readBeat,
    }),
    (it) => it.close(),
  );
  const transfers = openTransferFolder(transferDir, store.origins, disk.transfers);
  const spool = openSpoolFolder(spoolDir, log, disk.spool);
  const transport = opened.adopt(
    openTransport({
      hostKeys: await openHostKeys(config.knownHostsPath, config.hostKeyPolicy, store.recordFirstKeys),
      findHost: (name) => fleet.inventory.hosts.get(name.toLowerCase()),
      secretsMask: () => mask.now(),
      transferDir,
      origins: store.origins,
      room: disk.transfers,
      spool,
      leftovers: store.leftovers,
      mostKept: (jobs) => Math.min(config.kept.connections, openFiles.kept(jobs)),
      idleMs: config.kept.forMs,
      log,
      meters,
    }),
    (it) => it.close(),
  );
  bot.transport = transport;
  return { store, disk, transfers, transfersDir, spool, transport };
}

async function reachSlack(
  { config, mask, log, meters, steady, bot }: Setup,
  store: Store,
): Promise<Workspace> {
  const workspace = await openWorkspace(config.slack, {
    mask: (text, typed) => mask.now().text(text, typed),
    log,
    meters,
    clock: steady,
    ...(store.isShared && { processId: store.self, isReplica: store.isReplica }),
    onWaiting: (why) => {
      bot.waitingFor = why;
    },
  });
  bot.workspace = workspace;
  return workspace;
}

function openContext(
  { asked, config, openFiles, fleet, log, meters, steady, bot }: Setup,
  { store, transfers, transport }: Backend,
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
    opener: createOpener(workspace, log, steady, (channelId) => bot.poster?.worked(channelId)),
    sharedFiles: createSharedFiles(config.slack, workspace, log),
    keyring: transport.keyring,
    threadLink: (channelId, ts) => formatThreadLink(workspace, channelId, ts),
    otherBot: () => workspace.others.seen()[0],
    transfers,
    limits: limitsOf(asked, config, openFiles.limit),
    meters,
    slashText: config.slashText,
    version: own.version,
    abort: (jobs) => bot.dispatcher?.cancel(jobs),
    isOpen: () => bot.phase !== 'stopping',
    log,
    now: Date.now,
  };
}

/** What is older than it is to be kept, or more than there is room for, goes: never what a run or its thread still needs. */
function sweepRegularly({ config, bot, log, opened, store, spool, transfersDir }: Parts): void {
  const { keep, disk } = config;
  const kept = { outputMs: keep.outputMs, runMs: keep.runMs, maxBytes: disk.databaseBytes };
  const isOpen = (): boolean => bot.phase !== 'stopping';
  const records = { what: 'records, in steps', sweep: () => expireRecords(store.expiry, kept, isOpen) };
  const files = fileSweeps({ store, spool, transfersDir, keep, spoolBytes: disk.spoolBytes });
  opened.use(keepSwept([...files, records], log));
}

/** Last step first: no new request, no new job, then the last results to Slack. */
function planShutdown({ bot, store, opened }: Parts): void {
  opened.defer(async () => {
    await bot.anchors?.close();
    if (bot.poster !== undefined) await flush(store.outbox, store.clock);
    await bot.poster?.close();
  });
  opened.defer(() => bot.dispatcher?.stop(GRACE_MS));
  opened.defer(() => bot.slack?.stop());
}

async function openListeners(parts: Parts): Promise<SlackConnection> {
  const { config, log, meters, bot, end, context, workspace } = parts;
  const slack = await openSlack({
    settings: config.slack,
    workspace,
    desk: openRequests(context),
    received: context.store.received,
    describeTrouble: (error) => context.store.describeTrouble(error),
    log,
    meters,
    onFatal: (error) => {
      log.fatal({ err: error }, 'Slack refuses us; stopping');
      process.exitCode = 1;
      end();
    },
  });
  bot.slack = slack;
  // Nothing is on the wire before this line: whatever kept the start from getting here has run nothing.
  heedSignals({ log, end, exit });
  return slack;
}

async function beginWork(parts: Parts): Promise<void> {
  const { config, mask, log, steady, bot, opened, store, spool, transport, context, workspace } = parts;
  const presence = opened.adopt(
    await Presence.open({
      store,
      read: store.isShared ? beatBy(store.clock) : readBeat,
      trouble: () => findTrouble(bot, store),
      resumeWithinMs: config.resumeWithinMs,
      log,
    }),
    (it) => it.close(),
  );
  await noticeOthers(parts);
  bot.anchors = await Anchors.open({ anchor: (when) => store.anchorAudit(when), log });
  bot.phase = 'open';
  const copies = opened.adopt(
    new CopyMeters({
      clock: steady,
      // A store that fails says so elsewhere; the next tick comes.
      onTick: (runId) => void store.refreshRoot(runId).catch(() => {}),
    }),
    (it) => it.close(),
  );
  bot.dispatcher = openDispatcher({
    jobs: store.jobs,
    concurrency: config.concurrency,
    execute: (job, plan, signal) => executeJob(context, transport, job, plan, signal, copies),
    approve: (runId) => approveStoredRun(context, runId),
    refuse: (runId, refusal) => refuseStoredRun(context, runId, refusal),
    beforeStart: () => presence.check(),
    log,
  });
  bot.poster = openPoster({
    outbox: store.outbox,
    places: store.places,
    render: createRenderer(threadFacts(context, () => mask.now(), spool, copies)),
    workspace,
    log,
    now: store.clock,
  });
}

/** Before we write anything ourselves: what is in the channel now is of the past. The line tells the other of us. */
async function noticeOthers({ config, log, opened, store, workspace }: Parts): Promise<void> {
  const { auditChannel } = config;
  workspace.others.onSeen(() => {
    const reason = "another process writes with this bot's token: each is given a part of the commands";
    store.recordEvent({ action: 'other-process', detail: { reason } }).catch((error: unknown) => {
      log.error({ err: error }, 'another process could not be recorded');
    });
  });
  if (auditChannel === undefined) return;
  opened.adopt(await workspace.others.watch(workspace.posts, auditChannel), (it) => it.close());
}

/** What another process had begun with as it ended is seen to here: runs without a thread, people without an answer. */
function lookAfterOthers({ context, log, opened }: Parts, slack: SlackConnection): void {
  const look = async (): Promise<void> => {
    await closeUnopenedRuns(context);
    await slack.tellUnanswered();
  };
  const timer = setInterval(() => {
    look().catch((error: unknown) => log.warn({ err: error }, 'what others left is looked for again'));
  }, LOOK_AFTER_MS).unref();
  opened.defer(() => clearInterval(timer));
}

/** What is changed on disk is in force for what waits as well; what is on the wire goes on. */
function followFiles({ fleet, mask, log, bot, opened, store, transport, context }: Parts): void {
  const onChange = (): void => {
    bot.dispatcher?.judgeAgain();
    transport.closeStale();
    judgeWaiting(context).catch((error: unknown) => {
      log.error({ err: error }, 'what waits is judged when it is about to start');
    });
  };
  opened.adopt(followFleet(fleet, { mask, store, log, onChange }), (it) => it.close());
}
