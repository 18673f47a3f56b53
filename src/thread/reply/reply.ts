import {
  bold,
  italic,
  line,
  type Message,
  preformatted,
  type RichTextElement,
  richText,
} from '../../report/message.ts';
import { escapeMrkdwn, escapeShort } from '../../report/text/escape.ts';
import { cleanOutput, shortLine, takeEndLines, takeStartLines } from '../../report/text/plain.ts';
import { describeOutcome, formatBytes, outcomeSymbol, plural } from '../../report/text/wording.ts';
import type { MovedFile, Outcome, StreamText, Verification } from '../../run/outcome.ts';
import { usesBoard } from '../../run/plan.ts';
import type { Job, Run } from '../../run/run.ts';

/**
 * All text of a message together is refused above about 12,000 characters (bolt-js#2509, #2867:
 * `msg_blocks_too_long`, undocumented; 9,597 were accepted). Both streams share this much of it.
 */
const MAX_OUTPUT_CHARS = 7_600;
const MAX_HOST_CHARS = 200;
const MAX_REASON_CHARS = 600;
const MAX_FIRST_LINE_CHARS = 200;

/** One stream as a message can show it. `head` and `tail` are true to what was kept. */
export interface Excerpt {
  readonly head: string;
  /** Empty where `head` is all of it. */
  readonly tail: string;
  /** Characters that were kept but do not stand here. */
  readonly leftOutChars: number;
}

/** Where the rest of an output is. */
export interface Whereabouts {
  /** What the store kept and the message cannot hold. */
  readonly kept: string;
  /** What is on disk; follows `all 3.2 MiB are`. */
  readonly spooled: string;
}

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
    const words = job.state === 'running' ? 'still running' : 'waiting for its turn';
    return {
      text: `${escapeShort(host, 400)}: ${words} (${escapeMrkdwn(run.id)})`,
      blocks: [richText(line(bold(host), ` · ${words} · ${run.id}`))],
    };
  }
  const verdict = `${outcomeSymbol(outcome.kind)} ${describeOutcome(outcome)}`;
  const reason = shortLine(cleanOutput(outcome.reason), MAX_REASON_CHARS);
  return {
    text: [
      `${escapeShort(host, 400)}: ${escapeMrkdwn(verdict)}`,
      ...[reason, firstLine(outcome)].filter((part) => part !== '').map((part) => escapeShort(part, 900)),
    ].join(' — '),
    blocks: [
      richText(
        line(bold(host), ` ${verdict}${reason === '' ? '' : `\n${reason}`}`),
        ...(outcome.file === undefined ? [] : [fileLine(run, outcome.file)]),
        ...streamElements(run, outcome, where),
      ),
    ],
  };
}

/** What a host said and brought, within `maxChars` of output. `where`: where the rest is. */
export function resultElements(
  run: Run,
  outcome: Outcome,
  where: Whereabouts,
  maxChars: number,
): readonly RichTextElement[] {
  return [
    ...(outcome.file === undefined ? [] : [fileLine(run, outcome.file)]),
    ...streamElements(run, outcome, where, maxChars, true),
  ];
}

function streamElements(
  run: Run,
  outcome: Outcome,
  where: Whereabouts,
  maxChars = MAX_OUTPUT_CHARS,
  isTerse = false,
): readonly RichTextElement[] {
  const { stdout, stderr } = outcome;
  if (stdout.totalBytes === 0 && stderr.totalBytes === 0) {
    // A copy has no output to miss, and what never ran said nothing.
    const spoke =
      run.plan.work.action === 'run' && ['ok', 'failed', 'killed', 'timed-out'].includes(outcome.kind);
    return spoke ? [line(italic('no output'))] : [];
  }
  const excerpts = excerptStreams(outcome, maxChars);
  // One box needs no name where it is all there is.
  if (isTerse && stderr.totalBytes === 0 && !stdout.binary && stdout.omittedBytes === 0) {
    const { head, leftOutChars } = excerpts.stdout;
    if (leftOutChars === 0 && head !== '') return [preformatted(head)];
  }
  return [
    ...streamElement('stdout', stdout, excerpts.stdout, where),
    ...streamElement('stderr', stderr, excerpts.stderr, where),
  ];
}

function streamElement(
  name: string,
  stream: StreamText,
  excerpt: Excerpt,
  where: Whereabouts,
): readonly RichTextElement[] {
  if (stream.totalBytes === 0) return [];
  if (stream.binary) {
    const size = `${formatBytes(stream.totalBytes)}, SHA-256 ${stream.sha256.slice(0, 12)}…`;
    return [line(bold(name), ` is binary, not shown: ${size}`)];
  }
  // What is left out is said between two boxes, where no output can have written it.
  const shown = [excerpt.head, excerpt.tail].filter((part) => part !== '').map(preformatted);
  const [head, ...tail] = shown;
  const omission = describeOmission(stream, excerpt, where);
  return [
    line(bold(name), head === undefined ? ' has nothing to show' : ''),
    ...(head === undefined ? [] : [head]),
    ...(omission === '' ? [] : [line(italic(omission))]),
    ...tail,
  ];
}

function describeOmission(stream: StreamText, excerpt: Excerpt, where: Whereabouts): string {
  const { spool } = stream;
  if (spool !== undefined) {
    const total = formatBytes(stream.totalBytes);
    const part =
      spool.bytes < stream.totalBytes ? `the first ${formatBytes(spool.bytes)} of ${total}` : `all ${total}`;
    return `… left out here: ${part} are ${where.spooled} …`;
  }
  const parts = [
    ...(stream.omittedBytes > 0
      ? [
          `${formatBytes(stream.omittedBytes)} of ${formatBytes(stream.totalBytes)} left out here: too much to keep`,
        ]
      : []),
    ...(excerpt.leftOutChars > 0
      ? [`${plural(excerpt.leftOutChars, 'character')} left out of this message: ${where.kept}`]
      : []),
  ];
  return parts.length === 0 ? '' : `… ${parts.join('; ')} …`;
}

/** How much of each stream a message shows: a short one whole, and what it does not need goes to the other. */
export function excerptStreams(
  outcome: Outcome,
  maxChars = MAX_OUTPUT_CHARS,
): { readonly stdout: Excerpt; readonly stderr: Excerpt } {
  const out = cleanStream(outcome.stdout);
  const err = cleanStream(outcome.stderr);
  const half = Math.floor(maxChars / 2);
  const outLength = out.head.length + out.tail.length;
  const errLength = err.head.length + err.tail.length;
  return {
    stdout: excerpt(out, Math.max(half, maxChars - errLength)),
    stderr: excerpt(err, Math.max(half, maxChars - outLength)),
  };
}

interface CleanStream {
  readonly head: string;
  readonly tail: string;
  /** Something was dropped between the two already. */
  readonly gap: boolean;
}

function cleanStream(stream: StreamText): CleanStream {
  if (stream.binary) return { head: '', tail: '', gap: false };
  const gap = stream.omittedBytes > 0;
  if (!gap) return { head: trimEnd(cleanOutput(stream.head + stream.tail)), tail: '', gap };
  return { head: cleanOutput(stream.head), tail: trimEnd(cleanOutput(stream.tail)), gap };
}

/** A last newline is how lines end, not an empty line; anything more is the host's. */
function trimEnd(text: string): string {
  return text.endsWith('\n') ? text.slice(0, -1) : text;
}

function excerpt(stream: CleanStream, maxChars: number): Excerpt {
  const length = stream.head.length + stream.tail.length;
  if (length <= maxChars) return { head: stream.head, tail: stream.tail, leftOutChars: 0 };
  // The end of an output tells more often why it ended so; what the head does not need goes to it.
  const headNeeds = stream.gap ? stream.head.length : length;
  const tailSource = stream.gap ? stream.tail : stream.head;
  const tail = takeEndLines(tailSource, Math.max(Math.floor(maxChars / 2), maxChars - headNeeds));
  const head = takeStartLines(stream.head, maxChars - tail.length);
  return { head, tail, leftOutChars: length - head.length - tail.length };
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

function verifiedWords(verified: Verification): string {
  switch (verified) {
    case 'checksum':
      return 'verified by the host';
    case 'read-back':
      return 'verified by reading back';
    case 'size':
      return 'verified by size only';
    case 'nothing':
      return 'not verified: the host says another size';
    default:
      return verified satisfies never;
  }
}

function fileLine(run: Run, file: MovedFile): RichTextElement {
  const path = shortLine(cleanOutput(file.path), 1_000);
  const verified = `SHA-256 ${file.sha256.slice(0, 12)}… ${verifiedWords(file.verified)}`;
  const where = run.plan.work.action === 'get' ? 'kept as' : 'now at';
  return line(
    `${where} `,
    { type: 'text', text: path === '' ? ' ' : path, style: { code: true } },
    ` · ${formatBytes(file.bytes)} · ${verified}`,
  );
}
