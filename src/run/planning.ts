import type { FleetRequest } from '../command/request.ts';
import type { RetryOf } from '../command/verbs.ts';
import type { Host } from '../inventory/inventory.ts';
import { mayHaveRun, type OutcomeKind } from './outcome.ts';
import type { Plan, Requester, Target, Work } from './plan.ts';
import type { Job } from './run.ts';

export interface Asking {
  readonly requester: Requester;
  readonly channelId: string;
  readonly typed: string;
}

/** The plan of a request, over the hosts that its words stand for. */
export function planRun(
  request: FleetRequest,
  hosts: readonly [Host, ...Host[]],
  work: Work,
  asking: Asking,
  defaults: { readonly fanOut: number; readonly timeLimitMs: number },
): Plan {
  return {
    work,
    targets: mapTargets(hosts),
    fanOut: request.fanOut ?? defaults.fanOut,
    timeLimitMs: request.timeLimitMs ?? defaults.timeLimitMs,
    ...(request.idleMs === undefined ? {} : { idleMs: request.idleMs }),
    ...(request.fold === undefined ? {} : { fold: request.fold }),
    ...(request.diff === undefined ? {} : { diff: request.diff }),
    ...asking,
  };
}

/** The plan that repeats a run on some of its hosts: the same work, by today's inventory and another person. */
export function planRetry(
  runId: string,
  plan: Plan,
  hosts: readonly [Host, ...Host[]],
  work: Work,
  asking: Asking,
): Plan {
  return { ...plan, work, targets: mapTargets(hosts), ...asking, retryOf: runId };
}

function mapTargets(hosts: readonly [Host, ...Host[]]): readonly [Target, ...Target[]] {
  const [first, ...rest] = hosts;
  return [planTarget(first), ...rest.map(planTarget)];
}

/** A host of the inventory as a target, with the address that the plan is judged for. */
export function planTarget(host: Host): Target {
  const target = { host: host.name, ip: host.ip, port: host.port, user: host.user };
  return host.enabled ? target : { ...target, skip: 'disabled in the inventory' };
}

/** Whether the target is still the same login on the same address. */
export function isSameTarget(a: Target, b: Target): boolean {
  return a.ip === b.ip && a.port === b.port && a.user === b.user && a.skip === b.skip;
}

/** The hosts of a finished run that a retry is for, and how many it leaves out because they may have run. */
export function chooseRetryHosts(
  jobs: readonly Job[],
  which: RetryOf,
): { readonly hosts: readonly string[]; readonly maybeRan: number } {
  const kindOf = (job: Job): OutcomeKind => job.outcome?.kind ?? 'interrupted';
  const wanted = (kind: OutcomeKind): boolean => {
    switch (which) {
      case 'all':
        return true;
      case 'failed':
        return kind !== 'ok' && !mayHaveRun(kind);
      case 'lost':
        return mayHaveRun(kind);
      case 'unreachable':
      case 'skipped':
        return kind === which;
      default:
        return which satisfies never;
    }
  };
  return {
    hosts: jobs.filter((job) => wanted(kindOf(job))).map((job) => job.host),
    maybeRan: which === 'failed' ? jobs.filter((job) => mayHaveRun(kindOf(job))).length : 0,
  };
}
