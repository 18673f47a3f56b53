import type { BotRequest } from '../command/request.ts';
import { Refusal } from '../errors.ts';
import { resolveTerms } from '../inventory/expression.ts';
import { type Inventory, isSameLogin } from '../inventory/inventory.ts';
import { lacksWorkers } from '../lifecycle/workers.ts';
import type { Allowlist } from '../policy/allowlist.ts';
import { hasRight } from '../policy/authorize.ts';
import { explainRights, knownTo } from '../policy/rights.ts';
import type { Log } from '../ports/log.ts';
import type { Store } from '../ports/store.ts';
import { formatHosts, formatRights, type HostRow } from '../report/answers.ts';
import { formatRuns, formatShow } from '../report/history.ts';
import { formatFacts } from '../report/ping.ts';
import { formatQueue, type QueueRow } from '../report/queue.ts';
import { formatDay } from '../report/text/wording.ts';
import type { Answer } from '../report/views/view.ts';
import { isSamePerson } from '../run/plan.ts';
import type { Asking } from '../run/planning.ts';
import type { GoneRun, Run } from '../run/run.ts';
import { recordReads } from './reads.ts';
import { showHost } from './show-host.ts';

/** How far back `/batch runs` looks for runs that the asker may see. */
const RUNS_LOOKED_AT = 500;

/** What the answers are drawn from. */
export interface Records {
  readonly inventory: Inventory;
  readonly allowlist: Allowlist;
  readonly store: Store;
  readonly now: () => number;
  readonly log: Log;
}

export type Question = Extract<BotRequest, { kind: 'hosts' | 'runs' | 'show' | 'can' | 'queue' | 'facts' }>;

/** The answers of `/batch`: from the store and the files, of hosts that are the asker's; none touches a host. */
export async function answerQuestion(records: Records, asking: Asking, question: Question): Promise<Answer> {
  const inventory = knownTo(records.allowlist, asking.requester, records.inventory);
  switch (question.kind) {
    case 'hosts':
      return formatHosts(listHosts(inventory, question.terms));
    case 'facts': {
      const hosts = resolveTerms(inventory, question.terms);
      const known = await records.store.hostFacts.list(hosts.map(({ name }) => name));
      return formatFacts(
        hosts.map((host) => {
          const facts = known.get(host.name.toLowerCase());
          // What was at another address, or of another user, is not this host's.
          return { host: host.name, facts: facts && isSameLogin(facts, host) ? facts : undefined };
        }),
        records.now(),
      );
    }
    case 'can':
      return formatRights(
        explainRights(
          records.allowlist,
          asking,
          resolveTerms(inventory, question.terms).map((host) => host.name),
        ),
      );
    case 'runs': {
      const runs = await listVisibleRuns(records, asking, question.count);
      await recordReads(records, asking, runs);
      return formatRuns(runs, records.now());
    }
    case 'queue':
      return await showQueue(records, asking);
    case 'show': {
      const run = await readRun(records, asking, question.run);
      if (question.host === undefined) {
        return formatShow(run, await records.store.listJobs(run.id), records.now());
      }
      const job = await records.store.findJob(run.id, question.host);
      if (job !== undefined) return showHost(records.log, run, job);
      throw new Refusal('unknown-name', `${run.id} had no host ${question.host}.`, {
        remedy: `/batch show ${run.id} lists its hosts.`,
      });
    }
    default:
      return question satisfies never;
  }
}

/**
 * Output is for those who could have read the thread: the run's channel, its requester, and auditors. Anyone
 * else hears that there is no such run.
 */
export async function findVisibleRun(records: Records, asking: Asking, runId: string): Promise<Run> {
  const run = await records.store.findRun(runId);
  if (run !== undefined && maySee(records, asking, run)) return run;
  const gone = await records.store.findGoneRun(runId);
  if (gone !== undefined && mayHearOf(asking, gone)) {
    throw new Refusal(
      'not-now',
      `${gone.id} was kept until ${formatDay(gone.goneAt)}; nothing of it is stored any more.`,
      {
        remedy: 'What its thread showed still stands there.',
      },
    );
  }
  throw new Refusal('unknown-name', `There is no run ${runId} here.`, {
    remedy: '/batch runs lists those of this channel.',
  });
}

/** The same, to be shown how it went: reads of what others ran are audited. */
export async function readRun(records: Records, asking: Asking, runId: string): Promise<Run> {
  const run = await findVisibleRun(records, asking, runId);
  await recordReads(records, asking, [run]);
  return run;
}

/** Theirs, of this channel and of auditors' hosts; what is before one of these may be somebody else's. */
async function showQueue(records: Records, asking: Asking): Promise<Answer> {
  const { store } = records;
  const runs = (await store.openRuns()).filter((run) => maySee(records, asking, run));
  const ids = runs.map(({ id }) => id);
  const waits = await store.findWaits(ids);
  const rows: QueueRow[] = [];
  for (const run of runs) {
    const [longest] = run.progress.running === 0 ? [] : await store.listSlowest(run.id, 1);
    rows.push({ run, waits: waits.get(run.id), longest });
  }
  return formatQueue(rows, new Set(ids), records.now(), lacksWorkers(store));
}

/** Mostly the last few are all visible; hundreds of large runs take seconds to read, so they are asked for last. */
async function listVisibleRuns(records: Records, asking: Asking, count: number): Promise<readonly Run[]> {
  for (let looked = count; ; looked = Math.min(looked * 4, RUNS_LOOKED_AT)) {
    const runs = await records.store.listRuns(looked);
    const visible = runs.filter((run) => maySee(records, asking, run));
    if (visible.length >= count || runs.length < looked || looked >= RUNS_LOOKED_AT) {
      return visible.slice(0, count);
    }
  }
}

/** Its hosts are not known any more, so nobody is its auditor. */
function mayHearOf({ channelId, requester }: Asking, gone: GoneRun): boolean {
  return gone.channelId === channelId || isSamePerson(gone.requester, requester);
}

function maySee(records: Records, asking: Asking, run: Run): boolean {
  const { plan } = run;
  return (
    plan.channelId === asking.channelId ||
    isSamePerson(plan.requester, asking.requester) ||
    hasRight(
      records.allowlist,
      asking,
      'audit',
      plan.targets.map((target) => target.host),
    )
  );
}

function listHosts(inventory: Inventory, terms: readonly string[]): readonly HostRow[] {
  const hosts = resolveTerms(inventory, terms);
  const groups = new Map(hosts.map((host) => [host, [] as string[]]));
  for (const group of inventory.groups.values()) {
    for (const host of group.hosts) groups.get(host)?.push(group.name);
  }
  return hosts.map((host) => ({
    name: host.name,
    address: `${host.user}@${host.ip}:${host.port}`,
    groups: groups.get(host) ?? [],
    ...(host.enabled ? {} : { note: 'disabled' }),
  }));
}
