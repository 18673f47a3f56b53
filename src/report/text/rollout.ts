import type { Plan } from '../../run/plan.ts';
import { type Batch, batchesOf, countGoing, failuresAllowed } from '../../run/rollout/batches.ts';
import { describeLimit, UNANSWERED } from '../../run/rollout/words.ts';
import type { RolloutStand, Run } from '../../run/run.ts';
import { formatMoment } from './escape.ts';
import { formatHostNames } from './host-names.ts';
import { cleanOutput } from './plain.ts';
import { formatCount, formatDuration, plural } from './wording.ts';

const MAX_SIZES = 12;
const MAX_EQUAL_SIZES = 3;
const MAX_BATCHES = 8;
const MAX_NAMES_CHARS = 200;

/** Which hosts, in which order, how many at a time, and when it stops; nothing where all go at once. Plain text. */
export function describeRollout(plan: Plan): readonly string[] {
  const { rollout, order } = plan;
  return [
    ...describePick(plan),
    ...(order === undefined ? [] : [ORDERS[order]]),
    ...describeSizes(batchesOf(plan)),
    ...(rollout?.waitMs === undefined ? [] : [`${formatDuration(rollout.waitMs)} between batches`]),
    ...describeMostFailures(plan),
  ];
}

/** In which order its hosts come. */
export function describeOrder({ order }: Plan): string {
  return order === undefined ? 'in the order of the inventory' : ORDERS[order];
}

const ORDERS = {
  sorted: 'by name',
  reverse: 'the last of the inventory first',
  random: 'in an order by chance',
};

function describePick({ picked, order, targets }: Plan): readonly string[] {
  if (picked === undefined) return [];
  const count = formatCount(targets.length);
  const chosen = `${order === 'random' ? '' : 'the first '}${count} of ${plural(picked.of, 'host')}`;
  const disabled = picked.disabled === 0 ? '' : `, ${formatCount(picked.disabled)} of them disabled`;
  return [`${chosen}${order === 'random' ? ' by chance' : ''}${disabled}`];
}

/** `a canary of 1, then batches of 1, 5, 4, 4, 2`; of what comes often, how often: `10 (8 times)`. */
function describeSizes(batches: readonly Batch[]): readonly string[] {
  if (batches.length < 2) return [];
  const [first] = batches;
  const isCanary = first?.isCanary === true;
  const rest = isCanary ? batches.slice(1) : batches;
  const sizes: { readonly hosts: number; times: number }[] = [];
  for (const { hosts } of rest) {
    const last = sizes.at(-1);
    if (last?.hosts === hosts) last.times += 1;
    else sizes.push({ hosts, times: 1 });
  }
  const shown = sizes
    .slice(0, MAX_SIZES)
    .flatMap(({ hosts, times }) =>
      times <= MAX_EQUAL_SIZES
        ? Array.from({ length: times }, () => formatCount(hosts))
        : [`${formatCount(hosts)} (${formatCount(times)} times)`],
    );
  const list = [...shown, ...(sizes.length > MAX_SIZES ? ['…'] : [])].join(', ');
  const then = rest.length === 1 ? `the other ${list}` : `batches of ${list}`;
  return [isCanary && first !== undefined ? `a canary of ${formatCount(first.hosts)}, then ${then}` : then];
}

function describeMostFailures(plan: Plan): readonly string[] {
  const allowed = failuresAllowed(plan);
  if (allowed === undefined) return [];
  const most = allowed === 0 ? 'none' : `at most ${formatCount(allowed)}`;
  return [`${most} of ${formatCount(countGoing(plan))} may fail`];
}

/** The batches with their hosts, a line each: what a preview shows. */
export function listBatches(plan: Plan): readonly string[] {
  const batches = batchesOf(plan);
  if (batches.length < 2) return [];
  const lines = batches.slice(0, MAX_BATCHES).map((batch, n) => {
    const hosts = plan.targets.slice(batch.from, batch.before).filter(({ skip }) => skip === undefined);
    const names = formatHostNames(
      hosts.map(({ host }) => cleanOutput(host)),
      MAX_NAMES_CHARS,
    );
    const count = hosts.length === 1 ? '' : ` (${formatCount(hosts.length)})`;
    const then = batch.isCanary ? '; then it waits for Continue' : '';
    return `${nameBatch(batches, n + 1)}: ${names}${count}${then}`;
  });
  const more = batches.length - lines.length;
  return more === 0 ? lines : [...lines, `… and ${formatCount(more)} more`];
}

/** `canary`, `batch 2 of 5`: a canary is not counted among them. */
function nameBatch(batches: readonly Batch[], batch: number): string {
  const canaries = batches[0]?.isCanary === true ? 1 : 0;
  if (batch <= canaries) return 'canary';
  return `batch ${formatCount(batch - canaries)} of ${formatCount(batches.length - canaries)}`;
}

/**
 * How far the rollout of a run is, in words; nothing where it has no batches and has not been stopped. `moment`: how a
 * time is written: `at 14:03`, `in 20 s`.
 */
export function describeStand(run: Run, moment: (at: number) => string): string | undefined {
  const { rollout, plan, state, progress } = run;
  if (rollout === undefined) return undefined;
  const batches = batchesOf(plan);
  switch (rollout.phase) {
    case 'stopped': {
      const left = progress.running === 0 ? '' : `; ${formatCount(progress.running)} that run go on`;
      const why =
        rollout.answerBy === undefined ? `for ${describeLimit(plan, rollout.failures)}` : `as ${UNANSWERED}`;
      return `stopped ${why}${left}`;
    }
    case 'paused': {
      const { answerBy } = rollout;
      if (!isPaused(run) || answerBy === undefined) return run.held;
      return `${run.held}; without an answer the rest is skipped ${moment(answerBy)}`;
    }
    case 'waiting':
      if (state === 'finished') return undefined;
      return `${nameBatch(batches, rollout.batch)} has ended; ${nextOf(batches, rollout)} begins ${whenNext(run, moment)}`;
    case 'running': {
      if (state === 'finished' || batches.length < 2) return undefined;
      const later = rollout.later === 0 ? '' : `, ${plural(rollout.later, 'host')} after it`;
      return `${nameBatch(batches, rollout.batch)}${later}`;
    }
    default:
      return rollout.phase satisfies never;
  }
}

/** What is held begins when a person says so, however long the time between the batches is over. */
function whenNext({ held, rollout }: Run, moment: (at: number) => string): string {
  if (held !== undefined) return 'once somebody lets the run go';
  return rollout?.nextAt === undefined ? 'soon' : moment(rollout.nextAt);
}

function nextOf(batches: readonly Batch[], { batch }: RolloutStand): string {
  return nameBatch(batches, batch + 1);
}

/** What those wait for that may not start yet, a clause: `for batch 3 of 5, at 14:03`. */
export function describeLater(run: Run, moment: (at: number) => string): string {
  const { rollout, plan } = run;
  if (rollout === undefined) return '';
  const batches = batchesOf(plan);
  if (rollout.phase === 'waiting' && rollout.nextAt !== undefined) {
    return `for ${nextOf(batches, rollout)}, which begins ${whenNext(run, moment)}`;
  }
  const now = nameBatch(batches, rollout.batch);
  return `for ${now === 'canary' ? 'what comes of the canary' : `the end of ${now}`}`;
}

/** The canary has ended, and nobody has said yet whether the rest is wanted. */
export function isPaused({ state, rollout, cancelledBy, progress }: Run): boolean {
  return state === 'open' && rollout?.phase === 'paused' && cancelledBy === undefined && progress.queued > 0;
}

/** `3 hosts of r-7k3f wait for _Continue_ until …`; `of`: whose. In mrkdwn. */
export function formatPaused({ progress: { queued }, rollout }: Run, of = ''): string {
  const until =
    rollout?.answerBy === undefined
      ? ''
      : ` until ${formatMoment(rollout.answerBy, '{date_short_pretty}, {time}')}, or are skipped`;
  return `${plural(queued, 'host')}${of} ${queued === 1 ? 'waits' : 'wait'} for _Continue_${until}`;
}

/** Things that are not as they may have been meant. */
export function noteRollout(plan: Plan, asked: { readonly pick?: number }): readonly string[] {
  const { rollout } = plan;
  const going = countGoing(plan);
  return [
    ...(rollout?.canary !== undefined && rollout.canary >= going
      ? [`-canary ${rollout.canary} takes in all ${plural(going, 'host')}: nothing waits for Continue.`]
      : []),
    ...(asked.pick !== undefined && going > 0 && asked.pick > plan.targets.length
      ? [`-pick ${asked.pick} is more than there are: all ${plural(going, 'host')} that are not disabled.`]
      : []),
  ];
}
