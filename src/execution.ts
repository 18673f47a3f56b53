import { Refusal } from './errors.ts';
import type { Inventory } from './inventory/inventory.ts';
import type { Allowlist } from './policy/allowlist.ts';
import type { Approved } from './policy/approved.ts';
import { authorize } from './policy/authorize.ts';
import { coversPath } from './policy/judge.ts';
import type { OutboxRow, Store, TakenJob, TransferFolder, Transport } from './ports.ts';
import { formatAuditLine } from './report/audit-line.ts';
import type { FileUpload, Message } from './report/message.ts';
import { formatFullOutput, formatReply, replyShowsAll } from './report/reply.ts';
import { formatRoot } from './report/root.ts';
import { bareOutcome, type Outcome } from './run/outcome.ts';
import type { Plan } from './run/plan.ts';
import { isSameTarget, planTarget } from './run/planning.ts';
import type { Job, Run } from './run/run.ts';

/** A fetched file up to this size is offered in the thread; Slack itself would take 1 GB. */
const MAX_OFFERED_BYTES = 50 * 1024 * 1024;

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
 * or login has changed since the plan was judged are skipped: they are not what was approved.
 */
export async function approveStoredRun(ground: Ground, runId: string): Promise<Approved<Plan> | Refusal> {
  const run = await ground.store.findRun(runId);
  if (run === undefined) return new Refusal('unknown-name', `there is no run ${runId}`);
  const changed = run.plan.targets.filter((target) => {
    const host = ground.inventory.hosts.get(target.host.toLowerCase());
    return target.skip === undefined && (host === undefined || !isSameTarget(planTarget(host), target));
  });
  if (changed.length > 0) {
    const names = changed.map((target) => target.host);
    await ground.store.skipJobs(runId, names, 'changed in the inventory since the run was approved');
  }
  try {
    return authorize(run.plan, ground.allowlist, ground.inventory);
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
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
  const target = plan.targets.find((one) => one.host === job.host);
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

/**
 * What Slack should show for a row of the outbox; undefined where there is nothing to show (any more).
 * `masked` takes secrets out of what leaves as bytes: messages are masked where they leave.
 */
export async function renderRow(
  ground: Ground,
  row: OutboxRow,
  masked: (text: string) => string,
): Promise<Message | FileUpload | undefined> {
  if (row.kind === 'audit') {
    const entry = row.auditSeq === null ? undefined : await ground.store.audit.find(row.auditSeq);
    return entry === undefined ? undefined : formatAuditLine(entry);
  }
  const run = row.runId === null ? undefined : await ground.store.findRun(row.runId);
  if (run === undefined) return undefined;
  if (row.kind === 'root') return formatRoot(run, { now: ground.now() });
  const job = row.host === null ? undefined : await ground.store.findJob(run.id, row.host);
  if (job?.outcome === undefined) return undefined;
  return row.kind === 'reply' ? formatReply(run, job) : await renderFile(ground, run, job, masked);
}

async function renderFile(
  ground: Ground,
  run: Run,
  job: Job,
  masked: (text: string) => string,
): Promise<FileUpload | undefined> {
  const file = job.outcome?.file;
  if (run.plan.work.action === 'get' && file !== undefined) {
    const content = await ground.transfers.read(file.path, MAX_OFFERED_BYTES);
    if (content === null) return undefined;
    return { filename: `${job.host}-${baseName(file.path)}`, content, comment: '' };
  }
  if (run.plan.work.action !== 'run' || replyShowsAll(job)) return undefined;
  // Its secrets are masked already, but colours may have stood in the middle of one: they are gone now.
  const content = new TextEncoder().encode(masked(formatFullOutput(run, job)));
  return { filename: `${run.id}-${job.host}.txt`, content, comment: '' };
}

function baseName(path: string): string {
  return path.split('/').at(-1) ?? path;
}
