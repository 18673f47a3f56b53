import { isHeld, runButtons } from '../report/buttons.ts';
import { type Block, context, type Message, preformatted, richText, section } from '../report/message.ts';
import { escapeMrkdwn, escapeShort, formatMoment, inlineCode, mention } from '../report/text/escape.ts';
import { formatHostNames } from '../report/text/host-names.ts';
import { cleanOutput, takeEnd, takeStart } from '../report/text/plain.ts';
import { describeRollout, describeStand, formatPaused, isPaused } from '../report/text/rollout.ts';
import {
  capitalize,
  describeLimits,
  describeSource,
  describeWork,
  formatBytes,
  formatCount,
  formatDuration,
  formatProgress,
  formatSummary,
  NO_WORKER,
  plural,
} from '../report/text/wording.ts';
import type { CopyProgress } from '../run/copy-progress.ts';
import type { Plan } from '../run/plan.ts';
import { isGivenUp, type Progress, type Run, type SlowJob, totalJobs } from '../run/run.ts';

const MAX_COMMAND_CHARS = 4_000;
const MAX_HOSTS_CHARS = 1_200;
const GIVEN_UP = '*Given up before it began: nothing was sent to any host.*';
/** Its counts change at most this often while the run goes on. */
const LIVE_ROOT_MS = 2_000;

/** The message a run stands under: who, what, where, how far; then how it ended. */
export function formatRoot(
  run: Run,
  at: {
    readonly now: number;
    readonly slowest?: readonly SlowJob[];
    readonly copies?: CopyProgress;
    readonly lacksWorkers?: boolean;
  },
): Message {
  const { plan } = run;
  const finished = run.state === 'finished';
  const where = `${plan.work.action === 'ping' ? '' : 'on '}${plural(plan.targets.length, 'host')}`;
  const state = finished ? formatSummary(run, at.now) : `${run.id}: ${formatProgress(run.progress)}`;
  const blocks: Block[] = [
    section(
      `*${escapeMrkdwn(run.id)}* · ${mention(plan.requester.userId)} ${verbOf(run)} ${where}: ${namesOf(plan)}`,
    ),
    richText(...commandLines(run)),
    section(
      finished
        ? `*${escapeMrkdwn(state)}*`
        : `${formatBar(run.progress)}\n${progressLine(run, at.now)}${copyLine(at.copies)}`,
    ),
    ...(isGivenUp(run) ? [section(GIVEN_UP)] : []),
    ...(run.isReposted === true ? [section(formatReposted(run.id))] : []),
    ...rolloutSection(run),
    ...(at.lacksWorkers === true && run.progress.queued > 0 ? [section(`*${NO_WORKER}.*`)] : []),
    ...(isHeld(run) && !isPaused(run) ? [section(heldLine(run))] : []),
    context([...describeSlowest(at.slowest ?? [], at.now), ...notes(run)].join(' · ')),
  ];
  blocks.push(...runButtons(run));

  return {
    text: `${escapeMrkdwn(state)} — ${inlineCode(cleanOutput(describeWork(plan.work)), 300)} ${where}`,
    blocks,
    ...(finished ? {} : { live: { everyMs: LIVE_ROOT_MS } }),
  };
}

function formatReposted(runId: string): string {
  return (
    '*Posted anew: Slack no longer had the first message of this run.* What comes from now on stands below this one; ' +
    `what came before may be gone with the first: \`/batch show ${escapeMrkdwn(runId)}\``
  );
}

/** Of a run that was cancelled in time, say, nothing was run. */
function verbOf(run: Run): string {
  const { state, progress } = run;
  if (run.plan.work.action === 'ping') return state === 'finished' ? 'pinged' : 'pings';
  if (state !== 'finished') return 'runs';
  if (isGivenUp(run)) return 'wanted to run';
  return totalJobs(progress) === progress.settled.skipped ? 'ran nothing' : 'ran';
}

function progressLine(run: Run, now: number): string {
  const elapsed = Math.floor(Math.max(0, now - run.createdAt) / 1_000) * 1_000;
  return [
    escapeMrkdwn(formatProgress(run.progress)),
    ...(elapsed === 0 ? [] : [`${formatDuration(elapsed)} so far`]),
  ].join(' · ');
}

/** `120.4 MiB of 512.0 MiB on 3 hosts, 41.2 MiB/s`: of what is on the wire now. */
function copyLine(copies: CopyProgress | undefined): string {
  if (copies === undefined) return '';
  const { movedBytes, totalBytes, bytesPerSecond, hosts } = copies;
  const of = totalBytes >= movedBytes ? ` of ${formatBytes(totalBytes)}` : '';
  return `\n${formatBytes(movedBytes)}${of} on ${plural(hosts, 'host')}, ${formatBytes(Math.round(bytesPerSecond))}/s`;
}

function heldLine({ held, progress }: Run): string {
  const waiting = `*${formatCount(progress.queued)} ${progress.queued === 1 ? 'waits' : 'wait'}: `;
  return `${waiting}${escapeShort(cleanOutput(held ?? ''), 300)}.* It does not start by itself any more.`;
}

/** Where the rollout stands; what somebody has to look at is bold. */
function rolloutSection(run: Run): readonly Block[] {
  const { rollout, held } = run;
  if (rollout?.phase === 'paused') {
    const tally = `*${escapeShort(cleanOutput(capitalize(held ?? '')), 300)}.*`;
    return [section(isPaused(run) ? `${tally} ${formatPaused(run)}.` : tally)];
  }
  const stand = describeStand(run, (at) => `at ${formatMoment(at, '{time_secs}')}`);
  if (stand === undefined) return [];
  return [section(rollout?.phase === 'stopped' ? `*${capitalize(stand)}.*` : `${capitalize(stand)}.`)];
}

/** A plan never changes, and ten thousand names take longer than the rest of the message. */
const names = new WeakMap<Plan, string>();

function namesOf(plan: Plan): string {
  const known = names.get(plan);
  if (known !== undefined) return known;
  const hosts = plan.targets.map((target) => cleanOutput(target.host));
  const text = escapeShort(formatHostNames(hosts, MAX_HOSTS_CHARS), 2 * MAX_HOSTS_CHARS);
  names.set(plan, text);
  return text;
}

function commandLines(run: Run) {
  const { work } = run.plan;
  const text = cleanOutput(describeWork(work), { overwrites: 'keep' });
  if (text.length <= MAX_COMMAND_CHARS) return [preformatted(text === '' ? ' ' : text)];
  const head = takeStart(text, MAX_COMMAND_CHARS / 2);
  const tail = takeEnd(text, MAX_COMMAND_CHARS / 2);
  const left = text.length - head.length - tail.length;
  return [preformatted(`${head}\n… ${formatCount(left)} characters left out here …\n${tail}`)];
}

function notes(run: Run): readonly string[] {
  const { plan } = run;
  const { work } = plan;
  return [
    ...(run.cancelledBy === undefined ? [] : [`${verbOfCancel(run)} by ${mention(run.cancelledBy.userId)}`]),
    ...(plan.retryOf === undefined ? [] : [`again, after ${escapeShort(plan.retryOf, 40)}`]),
    ...describeSource(work, IN_MRKDWN),
    ...describeRollout(plan).map((text) => escapeShort(text, 300)),
    ...describeLimits(plan),
    'results in the thread',
  ];
}

function verbOfCancel({ progress, rollout }: Run): string {
  if (progress.queued + progress.running > 0) return 'being cancelled';
  return rollout?.phase === 'paused' ? 'stopped there' : 'cancelled';
}

const IN_MRKDWN = { person: mention, text: (text: string) => escapeShort(cleanOutput(text), 200) };

function describeSlowest(slowest: readonly SlowJob[], now: number): readonly string[] {
  if (slowest.length === 0) return [];
  const isRunning = slowest.some(({ startedAt }) => startedAt !== undefined);
  const hosts = slowest.map(({ host, startedAt, durationMs }) => {
    const ms = startedAt === undefined ? (durationMs ?? 0) : now - startedAt;
    return `${escapeShort(host, 120)} ${formatDuration(ms)}`;
  });
  return [`${isRunning ? 'running longest' : 'slowest'}: ${hosts.join(', ')}`];
}

const BAR_CELLS = 20;

/** `▰▰▰▰▰▱▱▱▱▱ 50 %`: full only where nothing is left to do. */
function formatBar(progress: Progress): string {
  const total = totalJobs(progress);
  const done = total - progress.queued - progress.running;
  const part = total === 0 ? 1 : done / total;
  const cells = Math.floor(part * BAR_CELLS);
  return `${'▰'.repeat(cells)}${'▱'.repeat(BAR_CELLS - cells)} ${Math.floor(part * 100)} %`;
}
