import { Refusal } from '../errors.ts';
import type { Inventory } from '../inventory/inventory.ts';
import type { Allowlist } from '../policy/allowlist.ts';
import type { Approved } from '../policy/approved.ts';
import { authorize } from '../policy/authorize.ts';
import { coversPath } from '../policy/judge.ts';
import type { Store, TakenJob, TransferFolder, Transport } from '../ports.ts';
import { bareOutcome, type Outcome } from '../run/outcome.ts';
import { findTarget, type Plan } from '../run/plan.ts';
import { isSameTarget, planTarget } from '../run/planning.ts';

/** What a run is carried out with. */
export interface Ground {
  readonly inventory: Inventory;
  readonly allowlist: Allowlist;
  readonly store: Store;
  readonly transfers: TransferFolder;
  readonly now: () => number;
}

/**
 * Asked at execution, once per run and process: is this still allowed, by today's rules? Hosts whose address
 * or login has changed since the plan was judged are skipped: they are not what was approved. A `Refusal`
 * where the run as a whole is not.
 */
export async function approveStoredRun(ground: Ground, runId: string): Promise<Approved<Plan>> {
  const run = await ground.store.findRun(runId);
  if (run === undefined) throw new Refusal('unknown-name', `there is no run ${runId}`);
  if (run.isTampered === true) {
    throw new Refusal('not-now', 'its stored plan is not the one that was approved');
  }
  const changed = run.plan.targets.filter((target) => {
    const host = ground.inventory.hosts.get(target.host.toLowerCase());
    return target.skip === undefined && (host === undefined || !isSameTarget(planTarget(host), target));
  });
  if (changed.length > 0) {
    const names = changed.map((target) => target.host);
    await ground.store.skipJobs(runId, names, 'changed in the inventory since the run was approved');
  }
  return authorize(run.plan, ground.allowlist, ground.inventory);
}

/** One approved job on its host. */
export async function executeJob(
  ground: Ground,
  transport: Transport,
  job: TakenJob,
  plan: Approved<Plan>,
  signal: AbortSignal,
): Promise<Outcome> {
  const host = ground.inventory.hosts.get(job.host.toLowerCase());
  const target = findTarget(plan, job.host);
  if (host === undefined || target === undefined || !isSameTarget(planTarget(host), target)) {
    return bareOutcome('skipped', 'changed in the inventory since the run was approved');
  }
  return await transport.execute(host, plan.work, {
    runId: job.runId,
    timeLimitMs: plan.timeLimitMs,
    mayTouch: (path) => coversPath(ground.allowlist, plan, job.host, path),
    signal,
  });
}

/** What waits of a run that is not allowed any more ends as skipped. */
export async function refuseStoredRun(ground: Ground, runId: string, refusal: Refusal): Promise<void> {
  const waiting = (await ground.store.listJobs(runId)).filter((job) => job.state === 'queued');
  const hosts = waiting.map((job) => job.host);
  await ground.store.skipJobs(runId, hosts, `no longer allowed: ${refusal.message}`);
}
