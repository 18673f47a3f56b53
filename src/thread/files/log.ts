import { cleanOutput } from '../../report/text/plain.ts';
import { describeOrder } from '../../report/text/rollout.ts';
import { describeWork, formatCount, formatPart, formatSummary, plural } from '../../report/text/wording.ts';
import { keptChars, type Outcome, type StreamText } from '../../run/outcome.ts';
import type { Job, Run } from '../../run/run.ts';
import { excerptStreams } from '../reply/excerpt.ts';
import { formatFullOutput } from './full-output.ts';

/** Slack takes files of 1 GB; a log of more than this nobody opens. */
const MAX_LOG_CHARS = 128 * 1024 * 1024;
/** What stands around each host's output. */
const HOST_CHARS = 400;

/** How much of each host's output the files can hold: all of it, or an equal share for every host. */
export function shareLog(hosts: number, outputChars: number): number {
  if (outputChars + hosts * HOST_CHARS <= MAX_LOG_CHARS) return Number.POSITIVE_INFINITY;
  return Math.max(1_000, Math.floor(MAX_LOG_CHARS / Math.max(1, hosts)) - HOST_CHARS);
}

/** What stands at the beginning of the readable file. */
export function formatLogHeader(run: Run, hosts: number, share: number, now: number): string {
  const command = cleanOutput(describeWork(run.plan.work), { overwrites: 'keep' });
  return [
    formatSummary(run, now),
    `asked for by ${run.plan.requester.userId} at ${new Date(run.createdAt).toISOString()}`,
    command,
    `${plural(hosts, 'host')}, ${describeOrder(run.plan)}`,
    ...(Number.isFinite(share)
      ? [
          `All output together is too much for a file: of each host there are ${formatCount(share)} characters at most.`,
        ]
      : []),
    '',
    '',
  ].join('\n');
}

/** A host's part of the readable file. `hasFile`: what is on disk of it stands in the thread as a file. */
export function formatLogPart(run: Run, job: Job, share: number, hasFile: boolean): string {
  const { outcome } = job;
  if (outcome === undefined) return '';
  const { stdout, stderr } = outcome;
  const kept = keptChars(outcome);
  const part =
    kept <= share
      ? formatFullOutput(run, job)
      : formatFullOutput(run, { ...job, outcome: shorten(outcome, share) });
  const notes = [stdout, stderr].map((stream) => spoolNote(run, job, stream, hasFile)).join('');
  return `${'═'.repeat(78)}\n${part}${notes}\n`;
}

function spoolNote(run: Run, job: Job, { spool, totalBytes }: StreamText, hasFile: boolean): string {
  if (spool === undefined) return '';
  const stream = spool.path.endsWith('.stderr') ? 'stderr' : 'stdout';
  const where = hasFile
    ? `in ${spooledFileName(run, job)} in this thread`
    : `on the bot's disk: spool/${spool.path} beside its database`;
  return `── ${stream}: ${formatPart(spool.bytes, totalBytes)} are ${where} ──\n`;
}

/** A host's own file. */
export function spooledFileName(run: Run, job: Job): string {
  return `${run.id}-${job.host}.txt`;
}

/** A host's line of the file for programs: all fields, and the output as it was kept. */
export function formatLogRecord(run: Run, job: Job, share: number): string {
  const { outcome } = job;
  if (outcome === undefined) return '';
  const kept = keptChars(outcome);
  const { kind, exitCode, signal, reason, durationMs, stdout, stderr, file, firstKeys, ping } =
    kept <= share ? outcome : shorten(outcome, share);
  return `${JSON.stringify({
    run: run.id,
    host: job.host,
    outcome: kind,
    exitCode,
    signal,
    reason,
    startedAt: timeOf(job.startedAt),
    endedAt: timeOf(job.endedAt),
    durationMs,
    stdout: recordOf(stdout),
    stderr: recordOf(stderr),
    ...(file === undefined ? {} : { file }),
    ...(firstKeys === undefined ? {} : { firstKeys }),
    ...(ping === undefined ? {} : { ping }),
  })}\n`;
}

function timeOf(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}

/** `text` where all of it was kept, else its two ends. */
function recordOf({ head, tail, totalBytes, omittedBytes, binary, sha256, spool }: StreamText) {
  const text = omittedBytes === 0 ? { text: head + tail } : { head, tail };
  return { ...(binary ? {} : text), totalBytes, omittedBytes, binary, sha256, ...(spool && { spool }) };
}

function shorten(outcome: Outcome, maxChars: number): Outcome {
  const excerpts = excerptStreams(outcome, maxChars);
  const cut = (stream: StreamText, { head, tail }: { head: string; tail: string }): StreamText => ({
    ...stream,
    head,
    tail,
    omittedBytes: stream.binary
      ? stream.omittedBytes
      : Math.max(stream.omittedBytes, stream.totalBytes - new TextEncoder().encode(head + tail).length, 0),
  });
  return {
    ...outcome,
    stdout: cut(outcome.stdout, excerpts.stdout),
    stderr: cut(outcome.stderr, excerpts.stderr),
  };
}
