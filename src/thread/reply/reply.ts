import { isHeld } from '../../report/buttons.ts';
import { bold, line, type Message, richText } from '../../report/message.ts';
import { escapeMrkdwn, escapeShort } from '../../report/text/escape.ts';
import { describeFirstKeys } from '../../report/text/first-keys.ts';
import { cleanOutput, shortLine } from '../../report/text/plain.ts';
import { describeOutcome, outcomeSymbol } from '../../report/text/wording.ts';
import type { Outcome } from '../../run/outcome.ts';
import { usesBoard } from '../../run/plan.ts';
import type { Job, Run } from '../../run/run.ts';
import { excerptStreams } from './excerpt.ts';
import { resultElements, type Whereabouts } from './result.ts';

const MAX_HOST_CHARS = 200;
const MAX_REASON_CHARS = 600;
const MAX_FIRST_LINE_CHARS = 200;

const HELD = 'held: it does not start by itself';

const IN_THREAD: Whereabouts = {
  kept: 'all that was kept is in the file in this thread',
  spooled: 'in the file in this thread',
};
const IN_RUNS_THREAD: Whereabouts = {
  kept: "all that was kept is in the file in the run's thread",
  spooled: "in the file in the run's thread",
};

/** What a host's part in a run came to. `where` says where the rest is when the message cannot hold it all. */
export function formatReply(run: Run, job: Job): Message {
  return formatHostResult(run, job, IN_THREAD);
}

/** The same for `/batch show RUN HOST`. */
export function formatShowHost(run: Run, job: Job): Message {
  // Not every host of a large run has a file of its own there; the log knows.
  const spooled = `kept: ${run.id}.txt in the run's thread says where`;
  return formatHostResult(run, job, usesBoard(run.plan) ? { ...IN_RUNS_THREAD, spooled } : IN_RUNS_THREAD);
}

function formatHostResult(run: Run, job: Job, where: Whereabouts): Message {
  const host = shortLine(cleanOutput(job.host), MAX_HOST_CHARS);
  const { outcome } = job;
  if (outcome === undefined) {
    const words = job.state === 'running' ? 'still running' : isHeld(run) ? HELD : 'waiting for its turn';
    return {
      text: `${escapeShort(host, 400)}: ${words} (${escapeMrkdwn(run.id)})`,
      blocks: [richText(line(bold(host), ` · ${words} · ${run.id}`))],
    };
  }
  const verdict = `${outcomeSymbol(outcome.kind)} ${describeOutcome(outcome)}`;
  const reason = shortLine(cleanOutput(outcome.reason), MAX_REASON_CHARS);
  const below = [reason, ...describeFirstKeys(job.host, outcome.firstKeys)].filter((part) => part !== '');
  return {
    text: [
      `${escapeShort(host, 400)}: ${escapeMrkdwn(verdict)}`,
      ...[reason, firstLine(outcome)].filter((part) => part !== '').map((part) => escapeShort(part, 900)),
    ].join(' — '),
    blocks: [
      richText(
        line(bold(host), ` ${[verdict, ...below].join('\n')}`),
        ...resultElements(run, outcome, where),
      ),
    ],
  };
}

/** False where the reply had to leave out something that was kept: then its file belongs in the thread. */
export function replyShowsAll(job: Job): boolean {
  if (job.outcome === undefined) return true;
  // Overwritten lines may have made little of much.
  if (job.outcome.stdout.spool !== undefined || job.outcome.stderr.spool !== undefined) return false;
  const { stdout, stderr } = excerptStreams(job.outcome);
  return stdout.leftOutChars === 0 && stderr.leftOutChars === 0;
}

function firstLine(outcome: Outcome): string {
  const streams = outcome.kind === 'ok' ? [outcome.stdout, outcome.stderr] : [outcome.stderr, outcome.stdout];
  for (const stream of streams) {
    // Only a piece: a line of megabytes need not be cleaned for two hundred characters.
    const text = cleanOutput(stream.head.slice(0, 4_000)).trim();
    const first = shortLine(text.split('\n')[0] ?? '', MAX_FIRST_LINE_CHARS);
    if (first !== '') return first;
  }
  return '';
}
