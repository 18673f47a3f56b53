import { bold, italic, line, preformatted, type RichTextElement } from '../../report/message.ts';
import { pingElements } from '../../report/ping.ts';
import { cleanOutput, shortLine } from '../../report/text/plain.ts';
import { formatBytes, formatCount, formatDay, formatPart, plural } from '../../report/text/wording.ts';
import type { MovedFile, MovedFolder, Outcome, StreamText, Verification } from '../../run/outcome.ts';
import type { Run } from '../../run/run.ts';
import { type Excerpt, excerptStreams, MAX_OUTPUT_CHARS } from './excerpt.ts';

/** Where the rest of an output is. */
export interface Whereabouts {
  /** What the store kept and the message cannot hold. */
  readonly kept: string;
  /** What is on disk; follows `all 3.2 MiB are`. */
  readonly spooled: string;
}

interface ResultRoom {
  /** For the output. */
  readonly maxChars?: number;
  /** A lone short output needs no name. */
  readonly isTerse?: boolean;
}

/** What a host brought and said. `where`: where the rest is. */
export function resultElements(
  run: Run,
  outcome: Outcome,
  where: Whereabouts,
  room: ResultRoom = {},
): readonly RichTextElement[] {
  return [
    ...(outcome.file === undefined ? [] : [fileLine(run, outcome.file)]),
    ...(outcome.ping === undefined ? [] : pingElements(outcome.ping)),
    ...(run.outputGoneAt === undefined
      ? streamElements(run, outcome, where, room)
      : goneElements(outcome, run.outputGoneAt)),
  ];
}

/** What it said is not stored any more; how much it was is. */
function goneElements({ stdout, stderr }: Outcome, goneAt: number): readonly RichTextElement[] {
  const streams = [['stdout', stdout] as const, ['stderr', stderr] as const];
  return streams
    .filter(([, { totalBytes }]) => totalBytes > 0)
    .map(([name, { totalBytes }]) =>
      line(bold(name), ` of ${formatBytes(totalBytes)} was kept until ${formatDay(goneAt)}`),
    );
}

function streamElements(
  run: Run,
  outcome: Outcome,
  where: Whereabouts,
  { maxChars = MAX_OUTPUT_CHARS, isTerse = false }: ResultRoom,
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
  const isAlone = isTerse || run.plan.work.action === 'ping';
  if (isAlone && stderr.totalBytes === 0 && !stdout.binary && stdout.omittedBytes === 0) {
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
    return `… left out here: ${formatPart(spool.bytes, stream.totalBytes)} are ${where.spooled} …`;
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

function verifiedWords(verified: Verification): string {
  switch (verified) {
    case 'checksum':
      return 'verified by the host';
    case 'read-back':
      return 'verified by reading back';
    case 'size':
      return 'verified by size only';
    case 'nothing':
      return 'not verified: the host says another size or none, or it changed meanwhile';
    default:
      return verified satisfies never;
  }
}

/** `12 sent (3.1 MiB), 30 unchanged, 2 left out (links and what else is no file)`. */
function folderWords(run: Run, file: MovedFile, folder: MovedFolder): string {
  const { copied, copiedBytes, unchanged, leftOut } = folder;
  const verb = run.plan.work.action === 'get' ? 'fetched' : 'sent';
  return [
    `${formatCount(copied)} ${verb} (${formatBytes(copiedBytes)})`,
    `${formatCount(unchanged)} unchanged`,
    ...(leftOut === 0 ? [] : [`${formatCount(leftOut)} left out (links, and what else is no file)`]),
    `${formatBytes(file.bytes)} in all`,
  ].join(', ');
}

function fileLine(run: Run, file: MovedFile): RichTextElement {
  const path = shortLine(cleanOutput(file.path), 1_000);
  const verified = `SHA-256 ${file.sha256.slice(0, 12)}… ${verifiedWords(file.verified)}`;
  const where = run.plan.work.action === 'get' ? 'kept as' : 'now at';
  const size = file.folder === undefined ? formatBytes(file.bytes) : folderWords(run, file, file.folder);
  return line(
    `${where} `,
    { type: 'text', text: path === '' ? ' ' : path, style: { code: true } },
    ` · ${size} · ${verified}`,
  );
}
