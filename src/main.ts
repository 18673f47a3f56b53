import { mkdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname } from 'node:path';
import { config as readDotenv } from 'dotenv';
import { pino } from 'pino';
import { openRun, type World } from './app.ts';
import {
  type Config,
  codeOf,
  DEFAULT_DATABASE_URL,
  DEFAULT_FAN_OUT,
  DEFAULT_TIME_LIMIT_MS,
  MAX_TIME_LIMIT_MS,
  readConfig,
  unknownVariables,
} from './config.ts';
import { createDesk } from './desk/desk.ts';
import { ConfigError } from './errors.ts';
import { approveStoredRun, executeJob } from './execution.ts';
import { createMask } from './gather/mask.ts';
import { openHealth } from './health.ts';
import type { Inventory } from './inventory/inventory.ts';
import { parseInventory } from './inventory/parse-inventory.ts';
import { type Allowlist, parseAllowlist } from './policy/allowlist.ts';
import type { Log, Store } from './ports.ts';
import { openDispatcher } from './queue/dispatcher.ts';
import { openSlack } from './slack/door.ts';
import { createOpener } from './slack/outgoing/opener.ts';
import { openPoster } from './slack/outgoing/poster.ts';
import { createSharedFiles } from './slack/shared-files.ts';
import { formatThreadLink, openWorkspace } from './slack/workspace.ts';
import { openHostKeys } from './ssh/host-keys.ts';
import { openTransferFolder } from './ssh/transfer-folder.ts';
import { openTransport } from './ssh/transport.ts';
import { openAuditTrail } from './store/audit.ts';
import { openStore } from './store/open.ts';
import { createRenderer } from './thread.ts';

/** `EX_CONFIG` of sysexits.h: a supervisor need not try again before somebody has mended the settings. */
const EXIT_CONFIG = 78;
/** What runs at SIGTERM may take this long to end by itself. */
const GRACE_MS = 10_000;
/** And what is due in Slack after that may take this long to get there. */
const FLUSH_MS = 5_000;

const [command, ...words] = process.argv.slice(2);
readDotenv({ quiet: true });
try {
  if (command === 'audit') await audit(words);
  else if (command === undefined) await serve();
  else throw new ConfigError([`"${command}": expected nothing, or audit verify, or audit export`]);
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  for (const problem of error.problems) process.stderr.write(`batchops: ${problem}\n`);
  process.exitCode = EXIT_CONFIG;
}

async function serve(): Promise<void> {
  const config = readConfig(process.env);
  const { inventory, allowlist } = readFleet(config);
  const mask = createMask([
    ...inventory.secrets.map((secret) => secret.reveal()),
    config.slack.botToken.reveal(),
    config.slack.mode.kind === 'socket'
      ? config.slack.mode.appToken.reveal()
      : config.slack.mode.signingSecret.reveal(),
  ]);
  const masked = (text: string): string => mask.text(text);
  const log = pino(
    { level: config.logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    { write: (line) => process.stdout.write(masked(line)) },
  );
  for (const name of unknownVariables(process.env)) log.warn({ name }, 'no such setting; is it misspelt?');

  // What is opened first is closed last, also where the start fails half-way.
  await using opened = new AsyncDisposableStack();
  const store = opened.adopt(await openConfiguredStore(config, masked, log), (it) => it.close());
  mkdirSync(dirname(config.knownHostsPath), { recursive: true, mode: 0o700 });
  const transfers = openTransferFolder(config.transferDir);
  const transport = opened.adopt(
    openTransport({
      hostKeys: await openHostKeys(config.knownHostsPath, config.hostKeyPolicy),
      findHost: (name) => inventory.hosts.get(name.toLowerCase()),
      secretsMask: () => mask,
      transferDir: config.transferDir,
      log,
    }),
    (it) => it.close(),
  );
  const workspace = await openWorkspace(config.slack, { mask: masked, log });

  let isOpen = true;
  const world: World = {
    inventory,
    allowlist,
    store,
    opener: createOpener(workspace, log),
    sharedFiles: createSharedFiles(config.slack, workspace, log),
    threadLink: (channelId, ts) => formatThreadLink(workspace, channelId, ts),
    transfers,
    limits: {
      maxFanOut: config.concurrency,
      fanOut: Math.min(DEFAULT_FAN_OUT, config.concurrency),
      maxTimeLimitMs: MAX_TIME_LIMIT_MS,
      timeLimitMs: DEFAULT_TIME_LIMIT_MS,
    },
    abort: (jobs) => dispatcher.cancel(jobs),
    isOpen: () => isOpen,
    log,
    now: Date.now,
  };
  await reopenRuns(world);
  const dispatcher = openDispatcher({
    jobs: store.jobs,
    concurrency: config.concurrency,
    execute: (job, plan, signal) => executeJob(world, transport, job, plan, signal),
    approve: (runId) => approveStoredRun(world, runId),
    refuse: (runId, refusal) => refuseRun(world, runId, refusal),
    log,
  });
  const poster = openPoster({
    outbox: store.outbox,
    render: createRenderer(world),
    workspace,
    auditChannel: config.auditChannel,
    log,
  });

  const ending = Promise.withResolvers<number>();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      log.info({ signal }, 'stopping; once more to stop at once');
      process.once(signal, () => process.exit(130));
      ending.resolve(0);
    });
  }
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => {
      log.fatal({ err: error }, 'a defect; stopping, so that the supervisor starts afresh');
      ending.resolve(1);
    });
  }
  const door = await openSlack({
    settings: config.slack,
    workspace,
    desk: createDesk(world),
    log,
    onFatal: (error) => {
      log.fatal({ err: error }, 'Slack refuses us; stopping');
      ending.resolve(1);
    },
  });
  const health = opened.adopt(
    await openHealth(config.http, {
      jobs: () => dispatcher.stats(),
      readiness: async () => {
        if (!isOpen) return 'stopping';
        if (!door.isConnected()) return 'Slack is not connected';
        return await store.ping().then(
          () => null,
          () => 'the store cannot be written',
        );
      },
    }),
    (it) => it.close(),
  );
  log.info(
    { hosts: inventory.hosts.size, rules: allowlist.rules.length, health: health.address, port: door.port },
    'Batchops is ready',
  );

  process.exitCode = await ending.promise;
  isOpen = false;
  await door.stop();
  await dispatcher.stop(GRACE_MS);
  await flush(store, FLUSH_MS);
  await poster.close();
  log.info({}, 'stopped');
}

/** Both files, and all that is wrong with either. */
function readFleet(config: Config): { inventory: Inventory; allowlist: Allowlist } {
  const world = {
    env: (name: string) => process.env[name],
    readFile: (path: string) => readFileSync(path.replace(/^~(?=\/)/, homedir()), 'utf8'),
  };
  const problems: string[] = [];
  const attempt = <T>(read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(...error.problems);
      return undefined;
    }
  };
  const inventory = attempt(() =>
    parseInventory(readText('BATCHOPS_INVENTORY', config.inventoryPath), config.inventoryPath, world),
  );
  const allowlist = attempt(() =>
    parseAllowlist(readText('BATCHOPS_ALLOWLIST', config.allowlistPath), config.allowlistPath, inventory),
  );
  if (inventory === undefined || allowlist === undefined) throw new ConfigError(problems);
  return { inventory, allowlist };
}

function readText(variable: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigError([
      `${path}: cannot be read (${codeOf(error)}); ${variable} names another file, README has an example`,
    ]);
  }
}

function openConfiguredStore(config: Config, mask: (text: string) => string, log: Log): Promise<Store> {
  const { databaseUrl: url, hostConcurrency, auditChannel } = config;
  return openStore({ url, hostConcurrency, auditChannel, mask, log });
}

/** Runs that were stored but whose root message was not known to stand when the last process ended. */
async function reopenRuns(world: World): Promise<void> {
  for (const run of await world.store.openRuns()) {
    if (run.state !== 'opening') continue;
    // The last process may have posted it and died before it was noted.
    await openRun(world, run, true).catch((error: unknown) => {
      world.log.warn(
        { run: run.id, err: error },
        'a run of the last process was given up: nothing of it ran',
      );
    });
  }
}

async function refuseRun(world: World, runId: string, refusal: Error): Promise<void> {
  const waiting = (await world.store.listJobs(runId)).filter((job) => job.state === 'queued');
  const hosts = waiting.map((job) => job.host);
  await world.store.skipJobs(runId, hosts, `no longer allowed: ${refusal.message}`);
}

/** Lets the poster bring the last results to Slack; what does not make it goes at the next start. */
async function flush(store: Store, withinMs: number): Promise<void> {
  const until = Date.now() + withinMs;
  for (;;) {
    const dueAt = await store.outbox.nextDueAt();
    if (dueAt === undefined || dueAt > until || Date.now() > until) return;
    await new Promise((wake) => setTimeout(wake, 100));
  }
}

/** `npm run audit -- verify | export`. Works beside a running bot: it only reads. */
async function audit(words: readonly string[]): Promise<void> {
  const [word] = words;
  if (words.length !== 1 || (word !== 'verify' && word !== 'export')) {
    throw new ConfigError(['audit: expected verify or export']);
  }
  const trail = openAuditTrail(process.env.BATCHOPS_DATABASE_URL ?? DEFAULT_DATABASE_URL);
  if (word === 'export') {
    for await (const entry of trail.entries()) process.stdout.write(`${JSON.stringify(entry)}\n`);
    return;
  }
  const { entries, head, faults } = await trail.verify();
  for (const fault of faults) process.stdout.write(`fault: ${fault}\n`);
  process.stdout.write(`${entries} entries, ${faults.length} faults; head ${head}\n`);
  if (faults.length > 0) process.exitCode = 1;
}
