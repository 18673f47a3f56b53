import { pingLines } from '../../report/ping.ts';
import { describeFirstKeys } from '../../report/text/first-keys.ts';
import { cleanOutput } from '../../report/text/plain.ts';
import { describeOutcome, formatBytes, formatPart } from '../../report/text/wording.ts';
import type { Outcome, StreamText } from '../../run/outcome.ts';
import type { Job, Run } from '../../run/run.ts';
import { cleanLines } from './clean-lines.ts';

/** All output that the store keeps, as plain text for a file in the thread. */
export function formatFullOutput(run: Run, job: Job): string {
  const { outcome } = job;
  if (outcome === undefined) return '';
  const streams = streamsOf(outcome).flatMap(([name, stream]) => keptStream(name, stream));
  return [...header(run, job, outcome), ...streams, ''].join('\n');
}

/** The spooled bytes of a stream; undefined where they are not on disk any more. */
export type ReadSpool = (path: string) => Promise<AsyncIterable<Uint8Array> | undefined>;

/** The same with what is on disk in the place of the two ends, made as it is sent. */
export async function* formatSpooledOutput(run: Run, job: Job, read: ReadSpool): AsyncGenerator<string> {
  const { outcome } = job;
  if (outcome === undefined) return;
  yield header(run, job, outcome).join('\n');
  for (const [name, stream] of streamsOf(outcome)) {
    const bytes = stream.spool === undefined || stream.binary ? undefined : await read(stream.spool.path);
    if (stream.spool === undefined || bytes === undefined) {
      yield `\n${keptStream(name, stream).join('\n')}`;
      if (stream.spool !== undefined) yield '\n── more of it was on disk, and is there no longer ──';
      continue;
    }
    const isWhole = stream.spool.bytes >= stream.totalBytes;
    yield `\n\n${titleOf(name, stream)}\n`;
    yield* cleanLines(decode(bytes, isWhole));
    if (isWhole) continue;
    const part = formatPart(stream.spool.bytes, stream.totalBytes);
    yield `\n── so far ${part}: more is not kept; the last of it, which may begin before that, follows ──\n`;
    yield cleanOutput(stream.tail, { overwrites: 'keep' });
  }
  yield '\n';
}

function streamsOf({ stdout, stderr }: Outcome): readonly (readonly [string, StreamText])[] {
  return [
    ['stdout', stdout],
    ['stderr', stderr],
  ];
}

function header(run: Run, job: Job, outcome: Outcome): readonly string[] {
  return [
    `${run.id} ${cleanOutput(job.host)}: ${describeOutcome(outcome)}`,
    ...(outcome.reason === '' ? [] : [cleanOutput(outcome.reason)]),
    ...describeFirstKeys(job.host, outcome.firstKeys),
    ...(outcome.ping === undefined ? [] : pingLines(outcome.ping)),
  ];
}

function keptStream(name: string, stream: StreamText): readonly string[] {
  if (stream.totalBytes === 0) return ['', `── ${name}: empty ──`];
  if (stream.binary) {
    return ['', `── ${name}: binary, ${formatBytes(stream.totalBytes)}, SHA-256 ${stream.sha256} ──`];
  }
  const head = cleanOutput(stream.head, { overwrites: 'keep' });
  const tail = cleanOutput(stream.tail, { overwrites: 'keep' });
  const title = titleOf(name, stream);
  if (stream.omittedBytes === 0) return ['', title, head + tail];
  // What of it is on disk is said by whoever knows whether it still is.
  const why = stream.spool === undefined ? ': too much to keep' : '';
  return ['', title, head, `── ${formatBytes(stream.omittedBytes)} left out here${why} ──`, tail];
}

function titleOf(name: string, stream: StreamText): string {
  return `── ${name}: ${formatBytes(stream.totalBytes)}, SHA-256 ${stream.sha256} ──`;
}

async function* decode(bytes: AsyncIterable<Uint8Array>, isWhole: boolean): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  for await (const chunk of bytes) yield decoder.decode(chunk, { stream: true });
  // A character that the limit cut in two is left out.
  if (isWhole) yield decoder.decode();
}
