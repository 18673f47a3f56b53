import type { Inventory } from '../../src/inventory/inventory.ts';
import { approveStoredRun, executeJob, type RunContext } from '../../src/lifecycle/execution.ts';
import type { Allowlist } from '../../src/policy/allowlist.ts';
import { authorize } from '../../src/policy/authorize.ts';
import type { Transport } from '../../src/ports/hosts.ts';
import type { JobSource } from '../../src/ports/job-source.ts';
import type { Log } from '../../src/ports/log.ts';
import type { Directory } from '../../src/ports/slack.ts';
import type { Store } from '../../src/ports/store.ts';
import { openDispatcher } from '../../src/queue/dispatcher.ts';
import type { Plan } from '../../src/run/plan.ts';
import { planTarget } from '../../src/run/planning.ts';
import type { EndedJob, Run } from '../../src/run/run.ts';
import { openTransferFolder } from '../../src/ssh/transfer-folder.ts';
import { openStore } from '../../src/store/open.ts';
import { CHANNEL, REQUESTER } from './fleet.ts';

export const COMMAND = 'df -h';

/** Says what went wrong, and nothing else. */
export const quiet: Log = {
  debug() {},
  info() {},
  warn() {},
  error: (fields, message) => void process.stderr.write(`${message} ${JSON.stringify(fields)}\n`),
};

/** Everybody is one of us. */
const MEMBERS: Directory = {
  standingOf: async () => ({ isGuest: false, isShared: false, groups: new Set(), unknownGroups: [] }),
};

/** Jobs on the wire at once, as a bot has it where nothing else is set. */
const CONCURRENCY = 100;

export interface EngineSettings {
  readonly url: string;
  readonly inventory: Inventory;
  readonly allowlist: Allowlist;
  readonly transferDir: string;
  readonly mask: (text: string) => string;
  /** Asked for each job. */
  readonly transport: () => Transport;
  /** Once these are stored. */
  readonly onEnded: (ended: readonly EndedJob[]) => void;
}

export interface Engine {
  readonly store: Store;
  /** Stored and audited; nothing of it starts before it is released. */
  createRun(hosts: readonly string[], fanOut: number): Promise<Run>;
  stop(): Promise<void>;
}

/** A run as the bot does it, put together as in `main.ts`: only Slack is missing. */
export async function openEngine(settings: EngineSettings): Promise<Engine> {
  const { inventory, allowlist, onEnded } = settings;
  const store = await openStore({
    url: settings.url,
    hostConcurrency: 1,
    auditChannel: CHANNEL,
    mask: settings.mask,
    log: quiet,
  });
  const jobs: JobSource = {
    take: (n) => store.jobs.take(n),
    start: (taken) => store.jobs.start(taken),
    onReady: (listener) => store.jobs.onReady(listener),
    onStop: (listener) => store.jobs.onStop(listener),
    async settle(ended) {
      await store.jobs.settle(ended);
      onEnded(ended);
    },
  };
  const context: RunContext = {
    inventory,
    allowlist,
    directory: MEMBERS,
    store,
    transfers: openTransferFolder(settings.transferDir, store.origins),
    now: Date.now,
  };
  const dispatcher = openDispatcher({
    jobs,
    concurrency: CONCURRENCY,
    execute: (job, plan, signal) => executeJob(context, settings.transport(), job, plan, signal),
    approve: (runId) => approveStoredRun(context, runId),
    refuse: async (_runId, refusal) => {
      throw refusal;
    },
    log: quiet,
  });
  let requests = 0;
  return {
    store,
    async createRun(hosts, fanOut) {
      const targets = hosts.flatMap((name) => {
        const host = inventory.hosts.get(name);
        return host === undefined ? [] : [planTarget(host)];
      });
      const [first, ...others] = targets;
      if (first === undefined) throw new Error('a run has a host');
      const plan: Plan = {
        work: { action: 'run', command: COMMAND },
        targets: [first, ...others],
        fanOut,
        timeLimitMs: 60_000,
        requester: REQUESTER,
        channelId: CHANNEL,
        typed: `/batch_run -h all -cmd "${COMMAND}"`,
      };
      const key = `bench-${store.self}-${++requests}`;
      return (await store.createRun(authorize(plan, allowlist, inventory), key)).run;
    },
    async stop() {
      await dispatcher.stop(0);
      await store.close();
    },
  };
}
