import {
  approveStoredRun,
  executeJob,
  judgeWaiting,
  type LiveLooks,
  type RunContext,
  refuseStoredRun,
} from '../lifecycle/execution.ts';
import type { Transport } from '../ports/hosts.ts';
import { followFleet } from '../process/fleet/follow-fleet.ts';
import { openDispatcher } from '../queue/dispatcher.ts';
import type { Backend } from './backend.ts';
import type { Setup } from './setup.ts';

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
