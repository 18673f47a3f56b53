import {
  approveStoredRun,
  executeJob,
  judgeWaiting,
  type LiveLooks,
  type RunContext,
  refuseStoredRun,
} from '../lifecycle/execution.ts';
import { CopyMeters } from '../lifecycle/live/copy-meters.ts';
import type { Transport } from '../ports/hosts.ts';
import type { Store } from '../ports/store.ts';
import { followFleet } from '../process/fleet/follow-fleet.ts';
import { openDispatcher } from '../queue/dispatcher.ts';
import type { Backend } from './backend.ts';
import type { Setup } from './setup.ts';

/** Who is told of a job while it runs. */
export function openLooks(
  { steady, opened }: Setup,
  { store, live, contacts }: Backend,
): LiveLooks & { copies: CopyMeters } {
  const copies = openCopyMeters({ steady, opened }, store);
  return { copies, outputs: live, contacts };
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

export function startJobs(
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

/** What is changed on disk is in force for what waits as well; what is on the wire goes on. */
export function followFiles(
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
