import type { Run } from '../run/run.ts';
import { totalJobs } from '../run/run.ts';
import { type Block, context, type Message, plain, preformatted, richText, section } from './message.ts';
import { escapeMrkdwn, escapeShort, inlineCode, mention } from './text/escape.ts';
import { formatHostNames } from './text/host-names.ts';
import { cleanOutput, takeEnd, takeStart } from './text/plain.ts';
import {
  describeWork,
  formatBytes,
  formatCount,
  formatDuration,
  formatProgress,
  formatTally,
  plural,
} from './text/wording.ts';

export const CANCEL_ACTION = 'batchops_cancel';

const MAX_COMMAND_CHARS = 4_000;
const MAX_HOSTS_CHARS = 1_200;

/** The message a run stands under: who, what, where, how far; then how it ended. */
export function formatRoot(run: Run, at: { readonly now: number }): Message {
  const { plan } = run;
  const finished = run.state === 'finished';
  const cancelling = run.cancelledBy !== undefined && !finished;
  const hosts = plan.targets.map((target) => cleanOutput(target.host));
  const where = `on ${plural(hosts.length, 'host')}`;
  const state = finished ? formatSummary(run, at.now) : `${run.id}: ${formatProgress(run.progress)}`;

  const blocks: Block[] = [
    section(
      `*${escapeMrkdwn(run.id)}* · ${mention(plan.requester.userId)} ${finished ? 'ran' : 'runs'} ${where}: ` +
        escapeShort(formatHostNames(hosts, MAX_HOSTS_CHARS), 2 * MAX_HOSTS_CHARS),
    ),
    richText(...commandLines(run)),
    section(finished ? `*${escapeMrkdwn(state)}*` : escapeMrkdwn(formatProgress(run.progress))),
    context(notes(run).join(' · ')),
  ];
  if (!finished && !cancelling) blocks.push(cancelButton(run));

  return {
    text: `${escapeMrkdwn(state)} — ${inlineCode(cleanOutput(describeWork(plan.work)), 300)} ${where}`,
    blocks,
    ...(finished ? {} : { live: true as const }),
  };
}

/** `r-7k3f: 97 ok, 1 failed, 1 timed out, 1 unreachable of 100 in 12.4 s`; nothing that is zero. */
export function formatSummary(run: Run, now: number): string {
  const took = formatDuration((run.finishedAt ?? now) - run.createdAt);
  return `${run.id}: ${formatTally(run.progress)} of ${formatCount(totalJobs(run.progress))} in ${took}`;
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
  const waiting = run.progress.queued + run.progress.running;
  return [
    ...(run.cancelledBy === undefined
      ? []
      : [`${waiting > 0 ? 'being cancelled' : 'cancelled'} by ${mention(run.cancelledBy.userId)}`]),
    ...(plan.retryOf === undefined ? [] : [`again, after ${escapeShort(plan.retryOf, 40)}`]),
    ...(work.action === 'put'
      ? [`${formatBytes(work.source.bytes)}, SHA-256 ${escapeMrkdwn(work.source.sha256.slice(0, 12))}…`]
      : []),
    `at most ${formatCount(plan.fanOut)} at once`,
    work.action === 'run'
      ? `${formatDuration(plan.timeLimitMs)} each`
      : `at most ${formatDuration(plan.timeLimitMs)} without progress`,
    'results in the thread',
  ];
}

function cancelButton(run: Run): Block {
  return {
    type: 'actions',
    elements: [
      {
        type: 'button',
        action_id: CANCEL_ACTION,
        text: plain('Cancel'),
        value: run.id,
        style: 'danger',
        confirm: {
          title: plain(`Cancel ${run.id}?`),
          text: plain('What runs is stopped on its host; what waits is never started.'),
          confirm: plain('Cancel the run'),
          deny: plain('Let it go on'),
        },
      },
    ],
  };
}
