import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parse as parseDotenv, populate as populateEnv } from 'dotenv';
import { pino } from 'pino';
import {
  type Config,
  codeOf,
  DEFAULT_FAN_OUT,
  DEFAULT_TIME_LIMIT_MS,
  MAX_TIME_LIMIT_MS,
  readConfig,
  readDatabaseUrl,
  unknownVariables,
} from './config.ts';
import { ConfigError } from './errors.ts';
import { createMask } from './gather/mask.ts';
import { decodeText, NotText } from './inventory/text.ts';
import { closeUnopened, type World } from './lifecycle/begin-run.ts';
import { approveStoredRun, executeJob, refuseStoredRun } from './lifecycle/execution.ts';
import { Presence } from './lifecycle/presence.ts';
import { threadFacts } from './lifecycle/thread-facts.ts';
import type { Log, Store } from './ports.ts';
import { runAuditCommand } from './process/audit-command.ts';
import { openSteadyClock, readBeat } from './process/clocks.ts';
import { createDefectHandler } from './process/defects.ts';
import { makeFolder, readFleet } from './process/fleet-files.ts';
import { openHealth } from './process/health.ts';
import { keepHeapSmall } from './process/heap.ts';
import { openLogSink } from './process/log-sink.ts';
import { FLUSH_MS, GRACE_MS, LINGER_MS } from './process/way-out.ts';
import { ABORT_LIMIT_MS, type Dispatcher, openDispatcher } from './queue/dispatcher.ts';
import { createDesk } from './requests/desk.ts';
import { createDirectory } from './slack/directory.ts';
import { DRAIN_MS, openSlack, type SlackDoor } from './slack/door.ts';
import { createOpener } from './slack/outgoing/opener.ts';
import { openPoster, type Poster } from './slack/outgoing/poster.ts';
import { createSharedFiles } from './slack/shared-files.ts';
import { GOODBYE_MS } from './slack/sockets.ts';
import { formatThreadLink, openWorkspace, POST_TIMEOUT_MS, type Workspace } from './slack/workspace.ts';
import { openHostKeys } from './ssh/host-keys.ts';
import { findKeyFault } from './ssh/login/keys.ts';
import { sweepHalfFiles } from './ssh/part/half-files.ts';
import { keepSwept } from './ssh/part/keep-swept.ts';
import { openSpoolFolder, SPOOL_KEPT_MS } from './ssh/spool/spool-folder.ts';
import { openTransferFolder } from './ssh/transfer-folder.ts';
import { openTransport } from './ssh/transport.ts';
import { openAuditTrail } from './store/audit.ts';
import { parseDatabaseUrl } from './store/embedded/database.ts';
import { openStore } from './store/open.ts';
import { createRenderer } from './thread/render.ts';

/** `EX_CONFIG` of sysexits.h: a supervisor need not try again before somebody has mended the settings. */
const EXIT_CONFIG = 78;

// Whoever reads us may go at any time; without a listener that is an uncaught exception.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

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
  } else if (command === undefined) await serve();
  else throw new ConfigError([`"${command}": expected nothing, or audit verify, or audit export`]);
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  for (const problem of error.problems) process.stderr.write(`batchops: ${problem}\n`);
  process.exitCode = EXIT_CONFIG;
} finally {
  setTimeout(() => process.exit(), LINGER_MS).unref();
}

async function serve(): Promise<void> {
  keepHeapSmall();
  const config = readConfig(process.env);
  const { inventory, allowlist } = readFleet(config, process.env, findKeyFault);
  makeFolder('BATCHOPS_KNOWN_HOSTS', dirname(config.knownHostsPath));
  makeFolder('BATCHOPS_TRANSFER_DIR', config.transferDir);
  const secrets = [...inventory.secrets.map((secret) => secret.reveal()), ...tokensOf(config)];
  // In JSON, as in a log line, a quote or backslash of a secret looks different.
  const mask = createMask([...secrets, ...secrets.map((secret) => JSON.stringify(secret).slice(1, -1))]);
  const masked = (text: string): string => mask.text(text);
  const sink = openLogSink(process.stdout);
  const log = pino(
    { level: config.logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    { write: (line) => sink.write(masked(line)) },
  );
  let phase: 'starting' | 'open' | 'stopping' = 'starting';
  const ending = Promise.withResolvers<void>();
  let hasDefect = false;
  const onDefect = createDefectHandler({
    log: (error) => log.fatal({ err: error }, 'a defect; stopping, so that the supervisor starts afresh'),
    onFirst() {
      hasDefect = true;
      process.exitCode = 1;
      // Nothing runs yet, so nothing has to be brought to an end.
      if (phase === 'starting') process.exit();
      ending.resolve();
    },
  });
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) process.on(event, onDefect);
  for (const warning of allowlist.warnings) log.warn({}, warning);
  for (const name of unknownVariables(process.env)) log.warn({ name }, 'no such setting; is it misspelt?');
  for (const place of inventory.warnings) log.warn({ place }, 'is this meant? it is read as Python reads it');

  // What is opened first is closed last, also where the start fails half-way.
  await using opened = new AsyncDisposableStack();
  const steady = openSteadyClock();
  const store = opened.adopt(await openConfiguredStore(config, masked, log, steady), (it) => it.close());
  const transfers = openTransferFolder(config.transferDir, store.origins);
  const spool = openSpoolFolder(join(dirname(parseDatabaseUrl(config.databaseUrl)), 'spool'), log);
  const transport = opened.adopt(
    openTransport({
      hostKeys: await openHostKeys(config.knownHostsPath, config.hostKeyPolicy),
      findHost: (name) => inventory.hosts.get(name.toLowerCase()),
      secretsMask: () => mask,
      transferDir: config.transferDir,
      origins: store.origins,
      spool,
      leftovers: store.leftovers,
      log,
    }),
    (it) => it.close(),
  );
  let dispatcher: Dispatcher | undefined;
  let poster: Poster | undefined;
  let door: SlackDoor | undefined;
  let workspace: Workspace | undefined;
  let waitingFor = '';
  /** Why a run begun now would not be recorded or not be shown; null where it would. */
  const findTrouble = async (): Promise<string | null> => {
    const unwritable = await store.ping().then(
      () => null,
      (error: unknown) =>
        `the store cannot be written: ${error instanceof Error ? error.message : String(error)}`,
    );
    if (unwritable !== null) return unwritable;
    if (door?.isConnected() !== true) return 'Slack is not connected';
    return (await workspace?.showTrouble()) ?? null;
  };
  const health = opened.adopt(
    await openHealth(config.http, {
      jobs: () => dispatcher?.stats() ?? { running: 0, waiting: 0 },
      logLinesLost: sink.lost,
      liveness: async () => {
        if (hasDefect) return 'stopping after a defect';
        await Promise.all([dispatcher?.beat(), poster?.beat()]);
        return null;
      },
      readiness: async () => {
        if (phase !== 'open') return waitingFor === '' ? phase : `${phase}: ${waitingFor}`;
        const trouble = await findTrouble();
        if (trouble !== null) return trouble;
        await dispatcher?.beat();
        return dispatcher?.isFailing() === false
          ? null
          : 'the store failed; nothing starts until it works again';
      },
    }),
    (it) => it.close(),
  );
  workspace = await openWorkspace(config.slack, {
    mask: (text, typed) => mask.text(text, typed),
    log,
    clock: steady,
    onWaiting: (why) => {
      waitingFor = why;
    },
  });

  const world: World = {
    inventory,
    allowlist,
    directory: createDirectory(workspace, log),
    store,
    opener: createOpener(workspace, log, steady),
    sharedFiles: createSharedFiles(config.slack, workspace, log),
    threadLink: (channelId, ts) => formatThreadLink(workspace, channelId, ts),
    transfers,
    limits: {
      maxFanOut: config.concurrency,
      fanOut: Math.min(DEFAULT_FAN_OUT, config.concurrency),
      maxTimeLimitMs: MAX_TIME_LIMIT_MS,
      timeLimitMs: DEFAULT_TIME_LIMIT_MS,
    },
    abort: (jobs) => dispatcher?.cancel(jobs),
    isOpen: () => phase !== 'stopping',
    log,
    now: Date.now,
  };
  await closeUnopenedRuns(world);
  const sweepSpool = async (): Promise<number> => {
    // Of runs that are still open there may be more to come.
    const open = new Set((await store.openRuns()).map((run) => run.id));
    return await spool.sweep(Date.now() - SPOOL_KEPT_MS, open);
  };
  opened.use(keepSwept('output', sweepSpool, log));
  opened.use(keepSwept('half files', () => sweepHalfFiles(config.transferDir, Date.now()), log));

  // The way out, last step first: no new request, no new job, then the last results to Slack.
  opened.defer(async () => {
    if (poster !== undefined) await flush(store, steady, FLUSH_MS);
    await poster?.close();
  });
  opened.defer(() => dispatcher?.stop(GRACE_MS));
  opened.defer(() => door?.stop());
  door = await openSlack({
    settings: config.slack,
    workspace,
    desk: createDesk(world),
    log,
    onFatal: (error) => {
      log.fatal({ err: error }, 'Slack refuses us; stopping');
      process.exitCode = 1;
      ending.resolve();
    },
  });
  // Whoever started us over a channel (the sandbox) owns us: without it nobody would ever stop us.
  process.once('disconnect', () => ending.resolve());
  process.channel?.unref();
  // Nothing is on the wire before this line: whatever kept the start from getting here has run nothing.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      log.info({ signal }, 'stopping; once more to stop at once');
      process.once(signal, () => process.exit(130));
      ending.resolve();
    });
  }
  const presence = opened.adopt(
    await Presence.open({
      store,
      read: readBeat,
      trouble: findTrouble,
      resumeWithinMs: config.resumeWithinMs,
      log,
    }),
    (it) => it.close(),
  );
  phase = 'open';
  dispatcher = openDispatcher({
    jobs: store.jobs,
    concurrency: config.concurrency,
    execute: (job, plan, signal) => executeJob(world, transport, job, plan, signal),
    approve: (runId) => approveStoredRun(world, runId),
    refuse: (runId, refusal) => refuseStoredRun(world, runId, refusal),
    beforeStart: () => presence.check(),
    log,
  });
  poster = openPoster({
    outbox: store.outbox,
    render: createRenderer(threadFacts(world, mask, spool)),
    workspace,
    log,
    now: steady,
  });
  log.info(
    { hosts: inventory.hosts.size, rules: allowlist.rules.length, health: health.address, port: door.port },
    'Batchops is ready',
  );

  await ending.promise;
  phase = 'stopping';
  // Whatever a step hangs on, a supervisor does not wait for it longer than README says.
  setTimeout(() => process.exit(), WAY_OUT_MS + LINGER_MS).unref();
  await opened.disposeAsync();
  log.info({}, 'stopped');
}

/** A `.env` that is there and cannot be read would else look like a handful of missing settings. */
function readDotenvFile(): void {
  try {
    populateEnv(process.env, parseDotenv(decodeText(readFileSync('.env'), 'full-line')));
  } catch (error) {
    if (error instanceof NotText) throw new ConfigError([`.env ${error.message}`]);
    if (codeOf(error) !== 'ENOENT') throw new ConfigError([`.env: cannot be read (${codeOf(error)})`]);
  }
}

function tokensOf({ slack }: Config): readonly string[] {
  const { mode } = slack;
  return [slack.botToken, mode.kind === 'socket' ? mode.appToken : mode.signingSecret].map((it) =>
    it.reveal(),
  );
}

function openConfiguredStore(
  config: Config,
  mask: (text: string) => string,
  log: Log,
  steady: () => number,
): Promise<Store> {
  const { databaseUrl: url, hostConcurrency, auditChannel } = config;
  return openStore({ url, hostConcurrency, auditChannel, mask, log, steady });
}

/** Runs that were stored and had not begun when the last process ended. */
async function closeUnopenedRuns(world: World): Promise<void> {
  for (const run of await world.store.openRuns()) {
    if (run.state !== 'opening') continue;
    await closeUnopened(world, run).catch((error: unknown) => {
      world.log.warn(
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
    await new Promise((wake) => setTimeout(wake, 100));
  }
}
