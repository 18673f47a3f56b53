import { withoutOwnNames } from '../gather/fold.ts';
import type { Sight } from '../run/live-output.ts';
import { OUTCOME_KINDS } from '../run/outcome.ts';
import { findTarget, type Target } from '../run/plan.ts';
import type { Job, Run } from '../run/run.ts';
import { boxOfLines } from './answers.ts';
import { isHeld } from './buttons.ts';
import { type Block, bold, context, line, type Message, richText, section } from './message.ts';
import { escapeMrkdwn, escapeShort, inlineCode, mention } from './text/escape.ts';
import { formatHostNames } from './text/host-names.ts';
import { cleanOutput, shortLine } from './text/plain.ts';
import { describeStand, isPaused } from './text/rollout.ts';
import { formatUnderWay } from './text/sights.ts';
import {
  describeOutcome,
  describeWork,
  formatCount,
  formatDay,
  formatDuration,
  formatProgress,
  formatSummary,
  outcomeSymbol,
  plural,
} from './text/wording.ts';

const MAX_SECTION_CHARS = 2_800;
const MAX_LIST_CHARS = 8_000;

/** `/batch runs`: newest first, a line each. */
export function formatRuns(runs: readonly Run[], now: number): Message {
  if (runs.length === 0) {
    const none = 'None of the latest runs is yours or of this channel.';
    return { text: none, blocks: [richText(line(none))] };
  }
  const sections: string[] = [];
  let shown = 0;
  let chars = 0;
  for (const run of runs) {
    const text = formatRunLine(run, now);
    if (chars + text.length > MAX_LIST_CHARS) break;
    const last = sections.at(-1);
    if (last === undefined || last.length + text.length + 1 > MAX_SECTION_CHARS) sections.push(text);
    else sections[sections.length - 1] = `${last}\n${text}`;
    chars += text.length + 1;
    shown += 1;
  }
  const blocks: Block[] = sections.map(section);
  if (shown < runs.length) blocks.push(context(`… and ${formatCount(runs.length - shown)} older ones`));
  return { text: plural(runs.length, 'run'), blocks };
}

/** Nothing of it starts while its channel is closed to us. */
export function describeClosed({ unread, progress }: Run): string {
  if (unread === undefined || progress.queued === 0) return '';
  return ` · nothing more starts for now: Slack does not let the bot write in its channel (${shortLine(cleanOutput(unread), 60)})`;
}

/** How far a run is, and why it does not go on where it is held. */
function formatState(run: Run, now: number): string {
  const stand = describeStand(run, (at) => `in ${formatDuration(Math.max(0, at - now))}`);
  const rollout = stand === undefined ? '' : ` · ${shortLine(cleanOutput(stand), 300)}`;
  if (run.state === 'finished') return `${formatSummary(run, now)}${rollout}`;
  const held = isHeld(run) && !isPaused(run) ? ` · held: ${shortLine(cleanOutput(run.held ?? ''), 300)}` : '';
  return `${run.id}: ${formatProgress(run.progress)}${rollout}${held}${describeClosed(run)}`;
}

function formatRunLine(run: Run, now: number): string {
  const { plan } = run;
  return [
    escapeMrkdwn(formatState(run, now)),
    `${mention(plan.requester.userId)} ${inlineCode(cleanOutput(describeWork(plan.work)), 160)}`,
    `${formatDuration(now - run.createdAt)} ago`,
  ].join(' · ');
}

/**
 * `/batch show RUN`: the hosts that ended alike together, trouble first. The reason is our own sentence and names
 * the address, so hosts whose reasons differ in their own name or address only have ended alike. Of what they said
 * nothing is claimed.
 */
export function formatShow(
  run: Run,
  jobs: readonly Job[],
  now: number,
  sights?: { readonly hosts: ReadonlyMap<string, Sight>; readonly isPartial: boolean },
): Message {
  const state = formatState(run, now);
  const running = jobs.filter(({ state }) => state === 'running');
  const groups = new Map<string, { readonly first: Job; readonly rank: number; readonly hosts: string[] }>();
  for (const job of jobs) {
    if (job.state === 'running') continue;
    const { title, rank } = standing(job, findTarget(run.plan, job.host));
    const group = groups.get(title) ?? { first: job, rank, hosts: [] };
    group.hosts.push(cleanOutput(job.host));
    groups.set(title, group);
  }
  const ended = [...groups]
    .toSorted(([, a], [, b]) => a.rank - b.rank)
    .map(([shared, { first, hosts }]) => {
      const title = hosts.length === 1 ? standing(first).title : shared;
      return `${title} — ${plural(hosts.length, 'host')}: ${formatHostNames(hosts, 500)}`;
    });
  const underWay = formatUnderWay(run.plan.work.action, running, sights?.hosts ?? new Map(), now);
  const lines = [...underWay, ...ended];
  return {
    text: escapeShort(state, 3_000),
    blocks: [
      section(
        `*${escapeMrkdwn(state)}*\n${mention(run.plan.requester.userId)} ` +
          inlineCode(cleanOutput(describeWork(run.plan.work)), 600),
      ),
      ...(run.isTampered === true ? [context(TAMPERED)] : []),
      richText(
        ...boxOfLines(lines, `ask for one host: \`/batch show ${run.id} HOST\``),
        line(bold('one host: '), `/batch show ${run.id} HOST`),
        ...(run.outputGoneAt === undefined
          ? []
          : [line(`What they said was kept until ${formatDay(run.outputGoneAt)}.`)]),
        ...(sights?.isPartial === true ? [line(PARTIAL)] : []),
      ),
    ],
  };
}

const PARTIAL =
  'One of the processes that run these does not answer at the moment: of its hosts no more is known.';

const TAMPERED =
  ':warning: The stored plan does not fit the hash that was kept with it: it was changed after it was approved. ' +
  'What stands above may not be what was asked for.';

/**
 * Where a job stands without its duration, and without the names of `own`, so that those that ended alike fold;
 * trouble ranks first, ok last.
 */
function standing(job: Job, own?: Target): { readonly title: string; readonly rank: number } {
  const { outcome } = job;
  if (outcome === undefined) {
    return { title: '… waiting', rank: 1 };
  }
  const { kind, exitCode, reason } = outcome;
  const [words = kind] = describeOutcome({ ...outcome, durationMs: 0 }).split(/ · | after |: /);
  const exit = kind === 'failed' && exitCode !== null ? ` · exit ${exitCode}` : '';
  const said = own === undefined ? reason : withoutOwnNames(reason, own);
  const why = said === '' ? '' : ` (${shortLine(cleanOutput(said), 200)})`;
  const rank = kind === 'ok' ? OUTCOME_KINDS.length + 2 : OUTCOME_KINDS.indexOf(kind) + 2;
  return { title: `${outcomeSymbol(kind)} ${words}${exit}${why}`, rank };
}
