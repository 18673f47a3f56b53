import { NotKnownNow, Refusal } from '../errors.ts';
import type { Inventory } from '../inventory/inventory.ts';
import type { Allowlist } from '../policy/allowlist.ts';
import type { Approved } from '../policy/approved.ts';
import { authorize } from '../policy/authorize.ts';
import { coversPath } from '../policy/judge.ts';
import type { TransferFolder } from '../ports/disk.ts';
import type { Execution, Transport } from '../ports/hosts.ts';
import type { Store } from '../ports/store.ts';
import { bareOutcome, type Outcome } from '../run/outcome.ts';
import type { Meeting } from '../run/ping/ping.ts';
import { findTarget, type Plan, type Target } from '../run/plan.ts';
import { isSameTarget, planTarget } from '../run/planning.ts';
import type { TakenJob } from '../run/run.ts';
import type { Contacts } from './live/contacts.ts';
import type { CopyMeters } from './live/copy-meters.ts';
import type { LiveJobs } from './live/live-jobs.ts';
import { type Rulebook, rulesFor } from './standing.ts';

/** What a run is carried out with. */
export interface RunContext extends Rulebook {
  readonly inventory: Inventory;
  readonly store: Store;
  readonly transfers: TransferFolder;
  readonly now: () => number;
  /** Of a worker, whose inventory is not the one that the run was approved by. */
  readonly isDistant?: true;
  /** What has to be done to an outcome before it is stored. */
  readonly seen?: (outcome: Outcome) => Promise<Outcome>;
}

/**
 * Asked at execution, once for as long as jobs of the run are under way: is this still allowed, by today's rules?
 * Hosts that are gone from the inventory, or whose address, login or `enable` has changed since the plan was
 * judged, are skipped: they are not what was approved; the others go on. A `Refusal` where a rule does not cover
 * all of these, or where Slack says, or does not say, something of its requester that takes the rules away.
 */
export async function approveStoredRun(context: RunContext, runId: string): Promise<Approved<Plan>> {
  const run = await context.store.findRun(runId);
  if (run === undefined) throw new Refusal('unknown-name', `there is no run ${runId}`);
  if (run.isTampered === true) {
    throw new Refusal('not-now', 'its stored plan is not the one that was approved');
  }
  const { plan } = run;
  const lost = Map.groupBy(plan.targets, (target) => whyNot(context, target));
  for (const [reason, targets] of lost) {
    if (reason !== undefined) {
      await context.store.skipJobs(
        runId,
        targets.map(({ host }) => host),
        reason,
      );
    }
  }
  return authorizeHosts(
    { ...context, allowlist: await rulesFor(context, plan.requester, plan.channelId) },
    plan,
    plan.targets.map(({ host }) => host),
  );
}

/** A plan judged on some of its hosts, less those that are not any more what was planned. */
export function authorizeHosts(
  context: Pick<RunContext, 'inventory' | 'allowlist' | 'isDistant'>,
  plan: Plan,
  hosts: readonly string[],
): Approved<Plan> {
  const { inventory, allowlist } = context;
  const wanted = new Set(hosts);
  const [first, ...rest] = plan.targets.filter(
    (target) => wanted.has(target.host) && whyNot(context, target) === undefined,
  );
  if (first === undefined) {
    throw new Refusal(
      'not-now',
      'None of its hosts is in the inventory as it was when the run was approved.',
      {
        remedy: 'Send the command again.',
      },
    );
  }
  // Where all of it is judged, it stays the one object that it is in this process.
  const judged =
    rest.length + 1 === plan.targets.length ? plan : { ...plan, targets: [first, ...rest] as const };
  return authorize(judged, allowlist, inventory);
}

/** Why a target is not any more what was approved; undefined where it is. */
function whyNot(
  { inventory, isDistant }: Pick<RunContext, 'inventory' | 'isDistant'>,
  target: Target,
): string | undefined {
  const host = inventory.hosts.get(target.host.toLowerCase());
  if (host === undefined)
    return isDistant
      ? 'not in the inventory of its worker'
      : 'removed from the inventory since the run was approved';
  if (isSameTarget(planTarget(host), target)) return undefined;
  return isDistant ? OTHERWISE : CHANGED;
}

const OTHERWISE =
  'the inventory of its worker has another address, port, user or way for it than the one that the run was approved by';
const CHANGED = 'changed in the inventory since the run was approved';

/** Who is told how far a job is while it runs. */
export interface LiveLooks {
  readonly copies?: Pick<CopyMeters, 'begin'>;
  readonly jobs?: Pick<LiveJobs, 'begin'>;
  readonly contacts?: Pick<Contacts, 'note'>;
}

/** One approved job on its host. It may have waited since its run was approved: its own host is judged again. */
export async function executeJob(
  context: RunContext,
  transport: Transport,
  job: TakenJob,
  plan: Approved<Plan>,
  signal: AbortSignal,
  live: LiveLooks = {},
): Promise<Outcome> {
  const host = context.inventory.hosts.get(job.host.toLowerCase());
  const target = findTarget(plan, job.host);
  if (host === undefined || target === undefined || !isSameTarget(planTarget(host), target)) {
    return bareOutcome('skipped', context.isDistant ? OTHERWISE : CHANGED);
  }
  let rules: Allowlist;
  try {
    rules = await rulesFor(context, plan.requester, plan.channelId);
    authorize({ ...plan, targets: [target] }, rules, context.inventory);
  } catch (error) {
    if (error instanceof Refusal) return bareOutcome('skipped', notNow(error));
    throw error;
  }
  let meeting: Meeting | undefined;
  const { action } = plan.work;
  const meter = action === 'run' || action === 'ping' ? undefined : live.copies?.begin(job.runId);
  const hearing = live.jobs?.begin(job.runId, job.host, plan.follow === true);
  if (meter !== undefined) hearing?.copies(meter.soFar);
  const how: Execution = {
    runId: job.runId,
    timeLimitMs: plan.timeLimitMs,
    ...(plan.idleMs !== undefined && { idleMs: plan.idleMs }),
    ...(target.values && { values: target.values }),
    mayTouch: (path) => coversPath(rules, plan, job.host, path),
    by: plan.requester.userId,
    onMet: (how) => {
      meeting = how;
    },
    signal,
    mayBegin: () => context.store.jobs.mayBegin(),
    ...(meter === undefined ? {} : { meter }),
    ...(hearing === undefined ? {} : { onBegun: hearing.begun }),
  };
  try {
    const outcome = await transport.execute(host, plan.work, how);
    live.contacts?.note({ target, outcome, meeting });
    return (await context.seen?.(outcome)) ?? outcome;
  } finally {
    meter?.end();
    hearing?.end();
  }
}

/** The rules or the inventory changed: what waits of any run is judged by today's, and skipped where they say no. */
export async function judgeWaiting(context: RunContext): Promise<void> {
  for (const run of await context.store.openRuns()) {
    // One that is not open yet is judged when its first job is about to start.
    if (run.state !== 'open') continue;
    try {
      await approveStoredRun(context, run.id);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      // It is judged when its first job is about to start.
      if (error instanceof NotKnownNow) continue;
      await refuseStoredRun(context, run.id, error);
    }
  }
}

/** What waits of a run that is not allowed any more ends as skipped. */
export async function refuseStoredRun(context: RunContext, runId: string, refusal: Refusal): Promise<void> {
  const waiting = (await context.store.listJobs(runId)).filter((job) => job.state === 'queued');
  const hosts = waiting.map((job) => job.host);
  await context.store.skipJobs(runId, hosts, notNow(refusal));
}

function notNow({ code, message }: Refusal): string {
  return `${code === 'not-allowed' ? 'no longer allowed' : 'not started'}: ${message}`;
}
