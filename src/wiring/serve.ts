import { dirname } from 'node:path';
import own from '../../package.json' with { type: 'json' };
import { readConfig } from '../config/config.ts';
import { expireRecords } from '../lifecycle/expiry.ts';
import { openSteadyClock } from '../process/clocks.ts';
import { watch } from '../process/condition.ts';
import { endOnDefect } from '../process/defects.ts';
import { makeFolder } from '../process/files/folders.ts';
import { findSuspicions } from '../process/files/suspicions.ts';
import { fleetPaths, readFleet } from '../process/fleet/fleet-files.ts';
import { InventoryScripts } from '../process/fleet/scripts.ts';
import { WatchedFleet } from '../process/fleet/watched-fleet.ts';
import { openHealth } from '../process/health.ts';
import { keepHeapSmall } from '../process/heap.ts';
import { keepSwept } from '../process/keep-swept.ts';
import { openLog } from '../process/log/open-log.ts';
import { openMetrics } from '../process/metrics/metrics.ts';
import { fitOpenFiles, openFilesLimit, shareOpenFiles } from '../process/open-files.ts';
import { FLUSH_MS, flush, GRACE_MS, LINGER_MS } from '../process/shutdown.ts';
import { ABORT_LIMIT_MS } from '../queue/dispatcher.ts';
import { DRAIN_MS } from '../slack/connection.ts';
import { GOODBYE_MS } from '../slack/socket-mode/socket.ts';
import { POST_TIMEOUT_MS } from '../slack/workspace.ts';
import { fileSweeps } from '../ssh/file-sweeps.ts';
import { type Backend, openBackend } from './backend.ts';
import { serveSlack } from './bot.ts';
import { type Bot, KEYS, partsOf, type Setup } from './setup.ts';
import { workAlone } from './worker.ts';

/** Every step of the shutdown at its longest; README tells it with `LINGER_MS` on top. */
const SHUTDOWN_MS = DRAIN_MS + 2 * GOODBYE_MS + GRACE_MS + 2 * ABORT_LIMIT_MS + FLUSH_MS + POST_TIMEOUT_MS;

/** What only `main.ts` touches. */
interface Outside {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly exit: (code?: number) => void;
}

/** From the settings to the last result in Slack. Each part is opened once those that it needs stand. */
export async function serve({ env, exit }: Outside): Promise<void> {
  keepHeapSmall();
  const asked = readConfig(env);
  const openFiles = shareOpenFiles(openFilesLimit());
  // The bot part opens no connection to a host.
  const config = partsOf(asked).runs ? fitOpenFiles(asked, openFiles) : asked;
  const scripts = new InventoryScripts(config.inventoryPaths, env);
  await scripts.run();
  const fleet = new WatchedFleet(
    {
      paths: (now) => fleetPaths(config, now),
      fetch: (signal) => scripts.run(signal),
      read: () => readFleet(config, env, KEYS, scripts),
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
  const setup: Setup = { asked, config, openFiles, fleet, mask, log, meters, steady, bot, end, exit, opened };
  endOnDefect(bot, { log, end, exit });
  process.on('SIGHUP', () => fleet.readAgain());
  for (const found of findSuspicions(config, env, fleet)) log.warn({}, `is this meant? ${found}`);

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
  setTimeout(exit, SHUTDOWN_MS + LINGER_MS).unref();
  await opened.disposeAsync();
  log.info({}, 'stopped');
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
