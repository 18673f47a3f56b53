import { ADA, shown } from '../../rigs/bot.ts';
import type { Asked } from '../world/asked.ts';
import { addressOf } from '../world/names.ts';
import type { StoredJob } from '../world/store-view.ts';
import type { World } from '../world/world.ts';
import { findDoubled } from './doubled.ts';
import { findOverlaps } from './overlaps.ts';
import { readThread } from './threads.ts';
import { judgeUnknown } from './unknown.ts';

export interface Judgement {
  readonly jobs: number;
  readonly kinds: ReadonlyMap<string, number>;
  /** Each in a sentence, by what was broken. */
  readonly ranTwice: readonly string[];
  readonly lost: readonly string[];
  readonly stuck: readonly string[];
  readonly doubled: readonly string[];
  /** What is told otherwise than the hosts have it, or not to be read where it should be. */
  readonly untrue: readonly string[];
  /** Two at once on a host that takes one. */
  readonly overlapped: readonly string[];
  /** Unknown for longer than it may take, or for no reason. */
  readonly unknown: readonly string[];
  /** The audit chain, the shutdown, what Slack would not take. */
  readonly other: readonly string[];
  /** What whoever asked was told in place of a run: how often. */
  readonly refusals: ReadonlyMap<string, number>;
  /** Of several: from a process's end to `interrupted` in the store, job by job. */
  readonly noticedMs: readonly number[];
}

export const BROKEN = [
  'ranTwice',
  'lost',
  'stuck',
  'doubled',
  'untrue',
  'overlapped',
  'unknown',
  'other',
] as const;

/**
 * Holds what the store and Slack say against what the hosts have on record; the bot has to be at its end. `mayLose`:
 * what happened may make what runs unknown.
 */
export async function judge(world: World, stuck: string | undefined, mayLose: boolean): Promise<Judgement> {
  await world.hosts.told();
  const began = countBegun(world);
  const jobs = await world.store.jobs();
  const byTag = Map.groupBy(jobs, (job) => job.tag);
  const lost: string[] = [];
  const untrue: string[] = [];
  const refusals = new Map<string, number>();
  for (const asked of world.asked) {
    const own = byTag.get(asked.tag) ?? [];
    const outcome = await asked.outcome;
    const told = outcome.answers().map(shown).join('\n') || wordOf(world, asked);
    const isTold = told !== '';
    if (outcome.ok && own.length === 0 && !isTold)
      lost.push(`${asked.tag} was acked, and nobody was told more`);
    if (own.length === 0) {
      const why = told || `Slack: ${outcome.ok ? 'acked' : outcome.error}`;
      refusals.set(why, (refusals.get(why) ?? 0) + 1);
      continue;
    }
    const runs = new Set(own.map(({ run }) => run));
    if (runs.size > 1) untrue.push(`${asked.tag} became ${runs.size} runs`);
    if (own.length !== asked.hosts) lost.push(`${asked.tag}: ${own.length} jobs for ${asked.hosts} hosts`);
    lost.push(
      ...own
        .filter(isUnended)
        .map(
          (job) =>
            `${asked.tag} on ${job.host} is ${job.state}, without an outcome${job.held === null ? '' : ` (held: ${job.held})`}`,
        ),
    );
    untrue.push(...own.flatMap((job) => contradict(job, began) ?? []));
    untrue.push(...readThread(world, asked, own, isTold));
  }
  const unknown = jobs.filter(({ tag }) => !world.asked.some((asked) => asked.tag === tag));
  untrue.push(...unknown.map(({ host, tag }) => `${host} has a job "${tag}" that nobody asked for`));
  return {
    jobs: jobs.length,
    kinds: new Map(
      Array.from(
        Map.groupBy(jobs, (job) => job.kind ?? job.state),
        ([kind, all]) => [kind, all.length] as const,
      ).toSorted(([, one], [, other]) => other - one),
    ),
    ranTwice: Array.from(began)
      .filter(([, count]) => count > 1)
      .map(([key, count]) => `${key} began ${count} times`),
    lost,
    stuck: stuck === undefined ? [] : [stuck],
    doubled: findDoubled(world, await world.store.late()),
    untrue,
    overlapped: findOverlaps(world),
    ...judgeUnknown(world, jobs, mayLose),
    other: findOther(world),
    refusals,
  };
}

const isUnended = ({ state, kind, hasResult }: StoredJob): boolean =>
  state !== 'settled' || kind === null || !hasResult;

/** How often each command of each run began on each host, by what the hosts have on record. */
function countBegun({ hosts }: World): ReadonlyMap<string, number> {
  const began = new Map<string, number>();
  for (const { what, ip, tag } of hosts.events) {
    if (what === 'began') began.set(`${tag} on ${ip}`, (began.get(`${tag} on ${ip}`) ?? 0) + 1);
  }
  return began;
}

/** An outcome that the host's own record rules out. */
function contradict({ tag, host, kind }: StoredJob, began: ReadonlyMap<string, number>): string | undefined {
  const count = began.get(`${tag} on ${addressOf(host)}`) ?? 0;
  switch (kind) {
    case 'ok':
      return count === 1 ? undefined : `${tag} on ${host} is ok, and began ${count} times there`;
    case 'skipped':
    case 'unreachable':
    case 'auth-failed':
    // A host that is busy with others lets us in and opens no channel in time.
    case 'not-run':
      return count === 0 ? undefined : `${tag} on ${host} is ${kind}, and began there`;
    case 'interrupted':
    case 'lost':
    case 'cancelled':
    case null:
      return undefined;
    default:
      return `${tag} on ${host} is ${kind}, which no host of these does`;
  }
}

/** What only who asked can read, where they asked. */
function wordOf({ slack }: World, { channel }: Asked): string {
  return slack
    .ephemerals(ADA)
    .filter((message) => message.channel === channel)
    .map(shown)
    .join('\n');
}

/** Hosts that make short work of what is to take long would make most of this true by itself. */
function findHasty({ hosts, asked }: World): readonly string[] {
  const leastMs = new Map(asked.map((one) => [one.tag, one.leastMs]));
  const began = new Map<string, number>();
  const hasty = new Set<string>();
  for (const { what, tag, ip, at } of hosts.events) {
    if (what === 'began') began.set(`${tag} ${ip}`, at);
    const tookMs = at - (began.get(`${tag} ${ip}`) ?? at);
    if (what === 'ended' && tookMs < (leastMs.get(tag) ?? 0) * 0.9) hasty.add(tag);
  }
  return [...hasty].map((tag) => `the hosts ended ${tag} sooner than it takes`);
}

function findOther(world: World): readonly string[] {
  const { code, said } = world.audit('verify');
  // Whether a file is there is asked where its last step was not answered: that it is not is an answer.
  const isAnswer = (one: { method: string; error: string }): boolean =>
    one.method === 'files.info' && one.error === 'file_not_found';
  const stoodStill = world.replicas.some((one) => one.stoodStill.length > 0);
  const violations = world.slack.violations.filter(
    (one) => !isAnswer(one) && !(stoodStill && one.error === 'late_ack'),
  );
  const refused = violations.map(({ method, error }) => `Slack refused ${method}: ${error}`);
  return [
    ...(code === 0 ? [] : [`audit verify ended with ${code}: ${said.slice(0, 500)}`]),
    ...new Set(refused),
    ...findHasty(world),
  ];
}
