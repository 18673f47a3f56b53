import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Logger } from 'pino';
import own from '../package.json' with { type: 'json' };
import { type Config, hasAuditChannel, limitsOf, readConfig, readDatabaseUrl } from './config.ts';
import { answerForKeys, distantKeyring } from './crew/keys.ts';
import { distantSecrets, tellSecrets } from './crew/secrets.ts';
import { seenThrough } from './crew/seen-through.ts';
import { distantDirectory, tellStandings } from './crew/standings.ts';
import { openDisk } from './disk/disk.ts';
import { ConfigError } from './errors.ts';
import type { LearningMask } from './gather/mask.ts';
import type { RequestContext } from './lifecycle/begin-run.ts';
import {
  approveStoredRun,
  executeJob,
  judgeWaiting,
  type LiveLooks,
  type RunContext,
  refuseStoredRun,
} from './lifecycle/execution.ts';
import { expireRecords } from './lifecycle/expiry.ts';
import { Contacts } from './lifecycle/live/contacts.ts';
import { CopyMeters } from './lifecycle/live/copy-meters.ts';
import { LiveOutputs } from './lifecycle/live/live-outputs.ts';
import { closeUnopenedRuns } from './lifecycle/open-run.ts';
import { Presence } from './lifecycle/presence.ts';
import { sha256 } from './lifecycle/sha256.ts';
import { threadFacts } from './lifecycle/thread-facts.ts';
import type { Crew } from './ports/crew.ts';
import type { Transport } from './ports/hosts.ts';
import type { Meters } from './ports/meters.ts';
import type { Store } from './ports/store.ts';
import { Anchors } from './process/anchors.ts';
import { beatBy, openSteadyClock, readBeat } from './process/clocks.ts';
import { runAuditCommand } from './process/commands/audit-command.ts';
import { runBackupCommand } from './process/commands/backup-command.ts';
import { runMigrateCommand } from './process/commands/migrate-command.ts';
import { nameOfUser, runOutboxCommand } from './process/commands/outbox-command.ts';
import { type Condition, findTrouble, watch } from './process/condition.ts';
import { endOnDefect } from './process/defects.ts';
import { runCheckConfig } from './process/files/check-config.ts';
import { readDotenvFile } from './process/files/dotenv-file.ts';
import { makeFolder } from './process/files/folders.ts';
import { findSuspicions } from './process/files/suspicions.ts';
import { fleetPaths, readFleet } from './process/fleet/fleet-files.ts';
import { followFleet } from './process/fleet/follow-fleet.ts';
import { InventoryScripts } from './process/fleet/scripts.ts';
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
import { findCertificateFault, findKeyFault } from './ssh/login/keys/keys.ts';
import { openSpoolFolder } from './ssh/spool/spool-folder.ts';
import { openTransferFolder } from './ssh/transfer-folder.ts';
import { openTransport } from './ssh/transport.ts';
import { openAuditTrail } from './store/audit/trail.ts';
import { backUp } from './store/backup.ts';
import { databaseFolder } from './store/database-url.ts';
import { openStore } from './store/open.ts';
import { openOutboxDesk } from './store/outbox/administer.ts';
import { createRenderer } from './thread/render.ts';
import { delay } from './time/delay.ts';

/** What a key file or certificate is good for, by what logs in with it. */
const KEYS = { findKeyFault, findCertificateFault };

/** How often a process looks for what others that are gone left to be told. */
const LOOK_AFTER_MS = 5_000;

/** How long who was killed a moment ago still counts as there. */
const GONE_MS = 15_000;

/** `EX_CONFIG` of sysexits.h: a supervisor need not try again before somebody has mended the settings. */
const EXIT_CONFIG = 78;

// Whoever reads us may go at any time; without a listener that is an uncaught exception.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

/** Which of the two halves of the work this process does. */
function partsOf({ role }: Config): { readonly tells: boolean; readonly runs: boolean } {
  return { tells: role !== 'worker', runs: role !== 'bot' };
}

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
  } else if (command === 'migrate') {
    // With what a server needs.
    const { moveToServer, undoMove } = await import('./store/move/move.ts');
    const by = nameOfUser(process.env.SUDO_USER);
    const auditLines = hasAuditChannel(process.env) ? 'channel' : 'nobody';
    const mover = {
      move: (file: string, url: string, tell: (line: string) => void) =>
        moveToServer({ file, url, by, auditLines, now: Date.now, tell }),
      undo: (file: string, url: string) => undoMove({ file, url }),
      folderOf: databaseFolder,
    };
    const known = () => readDatabaseUrl(process.env);
    process.exitCode = await runMigrateCommand(words, mover, { out: process.stdout, known });
  } else if (command === 'check-config') {
    const readKnownHosts = (path: string) => openHostKeys(path, 'strict', async () => {});
    const check = { env: process.env, keys: KEYS, readKnownHosts };
    if (!(await runCheckConfig(check, process.stdout))) process.exitCode = EXIT_CONFIG;
  } else
    throw new ConfigError([
      `"${command}": expected nothing, check-config, audit verify, audit export, backup FILE, outbox list, outbox retry, migrate sqlite-to-postgres FILE or migrate undo FILE`,
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
  /** The others, where there can be any. */
  crew?: Crew;
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
  const scripts = new InventoryScripts(config.inventoryPaths, process.env);
  await scripts.run();
  const fleet = new WatchedFleet(
    {
      paths: (now) => fleetPaths(config, now),
      fetch: (signal) => scripts.run(signal),
      read: () => readFleet(config, process.env, KEYS, scripts),
    },
    { everyMs: config.inventoryEveryMs },
  );
  const { tells, runs } = partsOf(config);
  if (runs) makeFolder('BATCHOPS_KNOWN_HOSTS', dirname(config.knownHostsPath));
  makeFolder('BATCHOPS_TRANSFER_DIR', config.transferDir);
  const { log, mask, sink } = openLog(process.stdout, config, fleet.inventory);
  const { promise: isEnding, resolve: end } = Promise.withResolvers<void>();
  const bot: Bot = { phase: 'starting', waitingFor: '', hasDefect: false, tells, runs };
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
  sweepRegularly({ ...setup, ...backend });
  planShutdown({ ...setup, ...backend });
  const port = await (tells ? serveSlack(setup, backend) : workAlone(setup, backend));
  const { hosts } = fleet.inventory;
  const { rules } = fleet.allowlist;
  log.info(
    {
      role: config.role,
      ...(store.isShared && { process: store.self }),
      hosts: hosts.size,
      rules: rules.length,
      health: health.address,
      port,
    },
    'Batchops is ready',
  );

  await isEnding;
  bot.phase = 'stopping';
  // Whatever a step hangs on, a supervisor does not wait for it longer than README says.
  setTimeout(() => process.exit(), SHUTDOWN_MS + LINGER_MS).unref();
  await opened.disposeAsync();
  log.info({}, 'stopped');
}

/** It hears and tells Slack; and, where it does all of the work, logs in to hosts. The port of HTTP mode. */
async function serveSlack(setup: Setup, backend: Backend): Promise<number | undefined> {
  const { bot } = setup;
  const { store, transport } = backend;
  await joinCrew(setup, store);
  const workspace = await reachSlack(setup, store);
  const context = openContext(setup, backend, workspace);
  const parts: Parts = { ...setup, ...backend, context, workspace };
  await closeUnopenedRuns(context);
  const slack = await openListeners(parts);
  const presence = await openPresence(parts);
  await noticeOthers(parts);
  bot.anchors = await Anchors.open({ anchor: (when) => store.anchorAudit(when), log: setup.log });
  bot.phase = 'open';
  const looks = openLooks(setup, backend);
  if (transport !== undefined) startJobs(setup, context, transport, looks, () => presence.check());
  bot.poster = openPosterOf(parts, looks.copies);
  followFiles(setup, backend, context);
  if (store.isShared) lookAfterOthers(parts, slack);
  if (transport === undefined) bot.crew?.serve(tellStandings(context.directory));
  // Only now: what was away for too long is held, and nobody has begun with it.
  await bot.crew?.announce(setup.config.role);
  bot.crew?.onChange(() => void showRoots(context).catch(() => {}));
  return slack.port;
}

/** It logs in to hosts, and leaves to the bot part whom Slack says people are, and what people are told. */
async function workAlone(setup: Setup, backend: Backend): Promise<undefined> {
  const { bot, fleet, mask, steady, log, end } = setup;
  const { store, transport, transfers, spool } = backend;
  await joinCrew(setup, store);
  const { crew } = store;
  if (transport === undefined || crew === undefined) throw new Error('a worker has hosts, and others');
  const context: RunContext = {
    get inventory() {
      return fleet.inventory;
    },
    get allowlist() {
      return fleet.allowlist;
    },
    directory: distantDirectory(crew, steady),
    store,
    transfers,
    now: Date.now,
    isDistant: true,
    seen: (outcome) => seenThrough(outcome, mask.now(), spool),
  };
  crew.serve({
    ...answerForKeys(transport.keyring, fleet),
    ...tellSecrets(transfers, () => mask.now(), sha256),
  });
  // Before anything is taken: a worker takes nothing while no bot is there.
  await crew.announce('worker');
  heedSignals({ log, end, exit });
  bot.phase = 'open';
  startJobs(setup, context, transport, openLooks(setup, backend));
  followFiles(setup, backend, context);
}

/** Parts are one of each at least, or every process does all: both at once, none would know whom to ask. */
async function joinCrew({ config, bot }: Setup, { crew }: Store): Promise<void> {
  if (crew === undefined) return;
  const { role } = config;
  bot.crew = crew;
  if (role !== 'all') {
    const other = role === 'bot' ? 'worker' : 'bot';
    bot.missing = () =>
      crew.has(other) ? null : `no ${other} is there (BATCHOPS_ROLE=${other} on this database)`;
  }
  const isOther = (one: string): boolean => one !== 'starting' && (one === 'all') !== (role === 'all');
  for (const until = performance.now() + GONE_MS; ; await delay(500)) {
    const there = (await crew.others()).find((one) => isOther(one.role));
    if (there === undefined) return;
    if (performance.now() < until) continue;
    throw new ConfigError([
      `BATCHOPS_ROLE: ${role}, and a process with ${there.role} is on this database; have all of them do all, or each a part`,
    ]);
  }
}

/** What they say of workers has changed. */
async function showRoots({ store }: RequestContext): Promise<void> {
  for (const run of await store.openRuns()) if (run.progress.queued > 0) await store.refreshRoot(run.id);
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
  const transport = !partsOf(config).runs
    ? undefined
    : opened.adopt(
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
  if (transport !== undefined) bot.transport = transport;
  // A store that fails says so elsewhere; what it says next tells again.
  const onNews = (runId: string, host: string) => void store.refreshReply(runId, host).catch(() => {});
  const live = opened.adopt(new LiveOutputs({ onNews }), (it) => it.close());
  return { store, disk, transfers, transfersDir, spool, transport, live };
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
  { store, transfers, transport, live }: Backend,
  workspace: Workspace,
): RequestContext {
  const keyring = transport?.keyring ?? (store.crew && distantKeyring(store.crew, config.hostKeyPolicy));
  if (keyring === undefined) throw new Error('nobody is there who looks at host keys');
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
    keyring,
    threadLink: (channelId, ts) => formatThreadLink(workspace, channelId, ts),
    otherBot: () => workspace.others.seen()[0],
    transfers,
    limits: limitsOf(asked, config, openFiles.limit),
    live,
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
function sweepRegularly({ config, bot, log, opened, store, spool, transfersDir }: Setup & Backend): void {
  const { keep, disk } = config;
  const kept = { outputMs: keep.outputMs, runMs: keep.runMs, maxBytes: disk.databaseBytes };
  const isOpen = (): boolean => bot.phase !== 'stopping';
  const records = { what: 'records, in steps', sweep: () => expireRecords(store.expiry, kept, isOpen) };
  const files = fileSweeps({ store, spool, transfersDir, keep, spoolBytes: disk.spoolBytes });
  opened.use(keepSwept(bot.tells ? [...files, records] : files, log));
}

/** Last step first: no new request, no new job, then the last results to Slack. */
function planShutdown({ bot, store, opened }: Setup & Backend): void {
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

async function openPresence({ config, log, bot, opened, store }: Parts): Promise<Presence> {
  return opened.adopt(
    await Presence.open({
      store,
      read: store.isShared ? beatBy(store.clock) : readBeat,
      trouble: () => findTrouble(bot, store),
      resumeWithinMs: config.resumeWithinMs,
      log,
    }),
    (it) => it.close(),
  );
}

function openCopyMeters({ steady, opened }: Pick<Setup, 'steady' | 'opened'>, store: Store): CopyMeters {
  return opened.adopt(
    new CopyMeters({
      clock: steady,
      // A store that fails says so elsewhere; the next tick comes.
      onTick: (runId) => void store.refreshRoot(runId).catch(() => {}),
    }),
    (it) => it.close(),
  );
}

/** Who is told of a job while it runs. */
function openLooks(
  { mask, log, steady, opened }: Setup,
  { store, live }: Backend,
): LiveLooks & { copies: CopyMeters } {
  const copies = openCopyMeters({ steady, opened }, store);
  const contacts = opened.adopt(
    new Contacts({
      store: store.hostFacts,
      now: Date.now,
      mask: (text) => mask.now().text(text),
      onTrouble: (error) => log.warn({ err: error }, 'what hosts told could not be remembered'),
    }),
    (it) => it.flush(),
  );
  return { copies, outputs: live, contacts };
}

function startJobs(
  { config, bot, log }: Setup,
  context: RunContext,
  transport: Transport,
  looks: LiveLooks,
  beforeStart?: () => Promise<void>,
): void {
  bot.dispatcher = openDispatcher({
    jobs: context.store.jobs,
    concurrency: config.concurrency,
    execute: (job, plan, signal) => executeJob(context, transport, job, plan, signal, looks),
    approve: (runId) => approveStoredRun(context, runId),
    refuse: (runId, refusal) => refuseStoredRun(context, runId, refusal),
    ...(beforeStart && { beforeStart }),
    log,
  });
}

function openPosterOf(
  { config, mask, log, store, spool, live, context, workspace }: Parts,
  copies: CopyMeters,
): Poster {
  const findElsewhere = config.role === 'bot' && store.crew ? distantSecrets(store.crew) : undefined;
  return openPoster({
    outbox: store.outbox,
    places: store.places,
    render: createRenderer(
      threadFacts(context, () => mask.now(), { spool, copies, outputs: live, findElsewhere }),
    ),
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
function followFiles(
  { fleet, mask, log, bot, opened }: Setup,
  { store, transport }: Backend,
  context: RunContext,
): void {
  const onChange = (): void => {
    bot.dispatcher?.judgeAgain();
    transport?.closeStale();
    judgeWaiting(context).catch((error: unknown) => {
      log.error({ err: error }, 'what waits is judged when it is about to start');
    });
  };
  opened.adopt(followFleet(fleet, { mask, store, log, onChange }), (it) => it.close());
}
