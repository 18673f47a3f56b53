import type { FleetRequest } from '../command/request.ts';
import type { RequestedRollout, Rollout } from '../command/rollout/parse.ts';
import type { RetryOf } from '../command/verbs.ts';
import type { Filling } from '../inventory/fill.ts';
import { type Host, isSameLogin } from '../inventory/inventory.ts';
import { mayHaveRun, type OutcomeKind } from './outcome.ts';
import { findTarget, type Plan, type Requester, type Target, type Work } from './plan.ts';
import { chooseHosts } from './rollout/choose.ts';
import type { Job } from './run.ts';

export interface Asking {
  readonly requester: Requester;
  readonly channelId: string;
  readonly typed: string;
}

export interface Defaults {
  readonly fanOut: number;
  readonly timeLimitMs: number;
  /** Set where the bot may open too few files for all jobs that it is allowed at once. */
  readonly room?: { readonly jobs: number; readonly openFiles: number };
}

/** The plan of a request, over the hosts that its words stand for. `seed`: what an order by chance is made of. */
export function planRun(
  request: FleetRequest,
  hosts: readonly [Host, ...Host[]],
  work: Work,
  asking: Asking,
  defaults: Defaults,
  seed: number,
  filling?: Filling,
): Plan {
  const { rollout: asked = {} } = request;
  const { hosts: chosen, picked } = chooseHosts(hosts, asked, seed);
  const rollout = rolloutOf(asked);
  const { order = 'inventory' } = asked;
  return {
    work,
    targets: mapTargets(chosen, filling),
    ...fanOutOf(request.fanOut ?? defaults.fanOut, chosen.length, defaults.room),
    timeLimitMs: request.timeLimitMs ?? defaults.timeLimitMs,
    ...(request.idleMs === undefined ? {} : { idleMs: request.idleMs }),
    ...(rollout === undefined ? {} : { rollout }),
    ...(order === 'inventory' ? {} : { order }),
    ...(picked === undefined ? {} : { picked }),
    ...(request.fold === undefined ? {} : { fold: request.fold }),
    ...(request.diff === undefined ? {} : { diff: request.diff }),
    ...(request.follow === undefined ? {} : { follow: request.follow }),
    ...asking,
  };
}

/** What is not lowered below the number of hosts is not lowered to anybody's loss. */
function fanOutOf(wanted: number, hosts: number, room: Defaults['room']): Pick<Plan, 'fanOut' | 'lowered'> {
  if (room === undefined || wanted <= room.jobs) return { fanOut: wanted };
  const lowered = { from: wanted, openFiles: room.openFiles };
  return { fanOut: room.jobs, ...(hosts > room.jobs && { lowered }) };
}

/** What is left of it once the hosts are chosen; undefined where all of them may start at once. */
function rolloutOf({ order: _order, pick: _pick, ...rollout }: RequestedRollout): Rollout | undefined {
  return Object.keys(rollout).length === 0 ? undefined : rollout;
}

/**
 * The plan that repeats a run on some of its hosts: the same work, by today's inventory and another person, and rolled
 * out as before over the hosts that it is for. They stand in the order of the run, and none is picked again.
 */
export function planRetry(
  runId: string,
  plan: Plan,
  hosts: readonly [Host, ...Host[]],
  work: Work,
  asking: Asking,
  filling?: Filling,
): Plan {
  const { picked: _picked, lowered: _lowered, ...again } = plan;
  return {
    ...again,
    work,
    targets: mapTargets(hosts, filling && keepPlaces(plan, filling)),
    ...asking,
    retryOf: runId,
  };
}

function mapTargets(hosts: readonly [Host, ...Host[]], filling?: Filling): readonly [Target, ...Target[]] {
  const target = (host: Host, number: number): Target => {
    const values = filling?.(host, number);
    return values === undefined ? planTarget(host) : { ...planTarget(host), values };
  };
  const [first, ...rest] = hosts;
  return [target(first, 1), ...rest.map((host, i) => target(host, i + 2))];
}

/** Again, on some of the hosts: each keeps its number, and the group that it was chosen by. */
function keepPlaces(plan: Plan, filling: Filling): Filling {
  return (host, number) => {
    const { n, group } = findTarget(plan, host.name)?.values ?? {};
    return {
      ...filling(host, number),
      ...(n !== undefined && { n }),
      ...(group !== undefined && { group }),
    };
  };
}

/** A host of the inventory as a target, with the address that the plan is judged for. */
export function planTarget(host: Host): Target {
  const target = {
    host: host.name,
    ip: host.ip,
    port: host.port,
    user: host.user,
    ...(host.way && { way: host.way }),
  };
  return host.enabled ? target : { ...target, skip: 'disabled in the inventory' };
}

/** Whether the target is still the same login on the same address, behind the same hosts. */
export function isSameTarget(a: Target, b: Target): boolean {
  return isSameLogin(a, b) && a.skip === b.skip;
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
