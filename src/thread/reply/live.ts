import {
  bold,
  context,
  italic,
  line,
  type Message,
  plain,
  preformatted,
  type RichTextElement,
  richText,
} from '../../report/message.ts';
import { escapeMrkdwn, escapeShort, formatMoment } from '../../report/text/escape.ts';
import { cleanOutput, shortLine, takeEndLines } from '../../report/text/plain.ts';
import { describeSight, NO_ANSWER } from '../../report/text/sights.ts';
import { formatBytes, formatDuration } from '../../report/text/wording.ts';
import type { Modal } from '../../report/views/view.ts';
import type { LiveText, Sight } from '../../run/live-output.ts';
import type { Job, Run } from '../../run/run.ts';

/** Of each stream: as much as a person takes in while it moves. */
const MAX_LINES = 30;
const MAX_CHARS = 2_000;
const MAX_HOST_CHARS = 200;
/** An edit of a reply; all of the workspace's share one budget. */
const FOLLOWED_MS = 3_000;
/** Slack's windows that tell when they are closed. */
export const LIVE_WINDOW = 'batchops_live';

/** A host that runs: how far it is, with the last of what it has said. `now`: where it is not shown as it goes on. */
export function formatRunning(
  run: Run,
  { host, startedAt }: Job,
  sight: Sight | undefined,
  now?: number,
): Message {
  const name = shortLine(cleanOutput(host), MAX_HOST_CHARS);
  const stand = describeSight(run.plan.work.action, sight);
  const since =
    now === undefined || startedAt === undefined ? '' : `, begun ${formatDuration(now - startedAt)} ago`;
  return {
    text: `${escapeShort(name, 400)}: ${stand}${since} (${escapeMrkdwn(run.id)})`,
    blocks: [richText(line(bold(name), ` · ${stand}${since} · ${run.id}`), ...liveElements(sight))],
  };
}

/** `-follow`: the reply of a host before its result takes this place. */
export function formatFollowed(run: Run, job: Job, sight: Sight | undefined): Message {
  return { ...formatRunning(run, job, sight), live: { everyMs: FOLLOWED_MS } };
}

/** Why a window changes no more. */
export type LiveEnd = 'ended' | 'time-up' | 'stopping';

/** The same in a window; `end`: as it stays; `seenAt`: what was seen then, as nothing newer is to be had. */
export function formatLiveWindow(shown: Message, job: Job, end?: LiveEnd, seenAt?: number): Modal {
  return {
    type: 'modal',
    callback_id: LIVE_WINDOW,
    title: plain('Batchops'),
    close: plain('Close'),
    notify_on_close: true,
    blocks: [
      ...shown.blocks,
      ...(seenAt === undefined
        ? []
        : [context(`As it was ${formatMoment(seenAt, 'at {time_secs}')}: ${NO_ANSWER}.`)]),
      context(end === undefined ? freshness(job) : ENDS[end]),
    ],
  };
}

function freshness({ startedAt }: Job): string {
  const since = startedAt === undefined ? '' : `Begun at ${formatMoment(startedAt, '{time_secs}')}. `;
  return `${since}Kept fresh while this is open, for ten minutes at most.`;
}

const ENDS: Readonly<Record<LiveEnd, string>> = {
  ended: 'It has ended: this is its result.',
  'time-up': 'Open for ten minutes: not kept fresh any more. Choose the host again to go on looking.',
  stopping: 'Batchops is restarting: not kept fresh any more.',
};

function liveElements(sight: Sight | undefined): readonly RichTextElement[] {
  if (sight?.phase === 'unanswered') return [line(italic(`nothing to show: ${NO_ANSWER}`))];
  if (sight?.phase !== 'running' || sight.output === undefined) return [];
  const { stdout, stderr } = sight.output;
  if (stdout.totalBytes + stderr.totalBytes === 0) return [line(italic('nothing said so far'))];
  return [...liveElement('stdout', stdout), ...liveElement('stderr', stderr)];
}

function liveElement(
  name: string,
  { text, totalBytes, isCut, binary }: LiveText,
): readonly RichTextElement[] {
  if (totalBytes === 0) return [];
  if (binary) return [line(bold(name), ` is binary, not shown: ${formatBytes(totalBytes)} so far`)];
  const clean = cleanOutput(text);
  const whole = clean.endsWith('\n') ? clean.slice(0, -1) : clean;
  const latest = takeEndLines(whole.split('\n').slice(-MAX_LINES).join('\n'), MAX_CHARS);
  const isPart = isCut || latest.length < whole.length;
  const about = isPart ? `, the last of ${formatBytes(totalBytes)} so far` : '';
  // Nothing but blanks is nothing to Slack.
  return [line(bold(name), about), ...(latest.trim() === '' ? [] : [preformatted(latest)])];
}
