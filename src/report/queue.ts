import type { Run, SlowJob } from '../run/run.ts';
import type { Waits } from '../run/waits.ts';
import { isHeld } from './buttons.ts';
import { describeClosed } from './history.ts';
import { type Block, context, line, type Message, richText, section } from './message.ts';
import { escapeMrkdwn, escapeShort, formatMoment, inlineCode, mention } from './text/escape.ts';
import { cleanOutput } from './text/plain.ts';
import { describeLater, isPaused } from './text/rollout.ts';
import { describeWork, formatCount, formatDuration, NO_WORKER, plural } from './text/wording.ts';

/** A run that is not finished, as far as the asker may know. */
export interface QueueRow {
  readonly run: Run;
  /** Undefined where none of its jobs is there to be handed out. */
  readonly waits: Waits | undefined;
  /** The job that runs the longest. */
  readonly longest: SlowJob | undefined;
}

/** Slack takes fifty blocks in a message; nobody reads as many. */
const MAX_ROWS = 20;

/** `/batch queue`: what runs, and what waits for what, in the order in which it was asked for. */
export function formatQueue(
  rows: readonly QueueRow[],
  maySee: ReadonlySet<string>,
  now: number,
  lacksWorkers = false,
): Message {
  if (rows.length === 0) {
    const none = 'Nothing of yours or of this channel runs or waits.';
    return { text: none, blocks: [richText(line(none))] };
  }
  const blocks: Block[] = rows.slice(0, MAX_ROWS).map((row) => section(formatRow(row, maySee, now)));
  if (rows.length > MAX_ROWS) blocks.push(context(`… and ${formatCount(rows.length - MAX_ROWS)} later ones`));
  if (lacksWorkers) blocks.push(section(`*${NO_WORKER}.*`));
  return { text: `${plural(rows.length, 'run')} not finished`, blocks };
}

function formatRow({ run, waits, longest }: QueueRow, maySee: ReadonlySet<string>, now: number): string {
  const { plan } = run;
  return [
    `*${escapeMrkdwn(run.id)}* ${mention(plan.requester.userId)} ` +
      `${inlineCode(cleanOutput(describeWork(plan.work)), 160)} · asked for ${formatDuration(now - run.createdAt)} ago`,
    ...(run.cancelledBy === undefined ? [] : ['being cancelled']),
    ...formatRunning(run, longest, now),
    ...formatWaiting(run, waits, maySee),
  ].join('\n• ');
}

function formatRunning({ progress }: Run, longest: SlowJob | undefined, now: number): readonly string[] {
  if (progress.running === 0) return [];
  const since = longest?.startedAt;
  const most =
    longest === undefined || since === undefined
      ? ''
      : `, the longest on ${escapeShort(cleanOutput(longest.host), 100)} for ${formatDuration(now - since)}`;
  return [`${formatCount(progress.running)} running${most}`];
}

function formatWaiting(run: Run, waits: Waits | undefined, maySee: ReadonlySet<string>): readonly string[] {
  const { queued } = run.progress;
  if (queued === 0) return [];
  if (run.state === 'opening') return [`${formatCount(queued)} until the message of the run stands here`];
  if (isPaused(run)) {
    return [
      `${formatCount(queued)} waiting: ${escapeShort(cleanOutput(run.held ?? ''), 300)}. ` +
        '_Continue_ below its message lets them go',
    ];
  }
  if (isHeld(run)) {
    return [
      `${formatCount(queued)} held: ${escapeShort(cleanOutput(run.held ?? ''), 300)}. ` +
        '_Run the rest_ below its message lets them go',
    ];
  }
  if (run.unread !== undefined) return [`${formatCount(queued)} waiting${describeClosed(run)}`];
  const { host = 0, fanOut = 0, person = 0, slot = 0, behind = [] } = waits ?? {};
  const { later = 0 } = run.rollout ?? {};
  const about = Math.max(0, queued - host - fanOut - person - slot - later);
  const first = behind.map(
    (one) =>
      `${escapeShort(cleanOutput(one.host), 100)} after ${maySee.has(one.runId) ? escapeMrkdwn(one.runId) : 'another run'}`,
  );
  const more = host > first.length ? ', …' : '';
  return [
    ...waiting(host, `for their host (${first.join(', ')}${more})`),
    ...waiting(fanOut, `at the pace of its own fan-out, ${run.plan.fanOut} at once`),
    ...waiting(person, `as ${mention(run.plan.requester.userId)} has as many running as one person may`),
    ...waiting(slot, 'for their turn'),
    ...waiting(
      later,
      describeLater(run, (at) => `at ${formatMoment(at, '{time_secs}')}`),
    ),
    ...(about === 0 ? [] : [`${formatCount(about)} about to start`]),
  ];
}

function waiting(count: number, why: string): readonly string[] {
  return count === 0 ? [] : [`${formatCount(count)} waiting ${why}`];
}
