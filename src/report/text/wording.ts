import { type CopyOptions, formatCopyOptions } from '../../command/request.ts';
import { fill } from '../../inventory/fill.ts';
import type { Outcome, OutcomeKind } from '../../run/outcome.ts';
import { outcomeWords } from '../../run/outcome.ts';
import {
  filesOf,
  type Lowered,
  type Origin,
  type Plan,
  type RunWork,
  type SentFile,
  type Work,
} from '../../run/plan.ts';
import { type Progress, type Run, settledInOrder, totalJobs } from '../../run/run.ts';

/** `0.4 s`, `12.4 s`, `5 min`, `3 min 05 s`, `2 h 05 min`. */
export function formatDuration(ms: number): string {
  const tenths = Math.max(0, Math.round(ms / 100));
  if (tenths < 600) return `${(tenths / 10).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return inParts(seconds, 'min', 's');
  return inParts(Math.round(seconds / 60), 'h', 'min');
}

function inParts(count: number, big: string, small: string): string {
  const rest = count % 60;
  return `${Math.floor(count / 60)} ${big}${rest === 0 ? '' : ` ${pad(rest)} ${small}`}`;
}

function pad(value: number): string {
  return String(value).padStart(2, '0');
}

/** `812 bytes`, `1.5 KiB`, `41.2 MiB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return plural(bytes, 'byte');
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes / 1024;
  let unit = 0;
  // 1023.95 would be printed as 1024.0.
  while (value >= 1023.95 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value.toFixed(1)} ${units[unit]}`;
}

/** `all 3.2 MiB`, `the first 10.0 MiB of 41.2 MiB`. */
export function formatPart(bytes: number, totalBytes: number): string {
  const total = formatBytes(totalBytes);
  return bytes < totalBytes ? `the first ${formatBytes(bytes)} of ${total}` : `all ${total}`;
}

/** A day, as in `kept until 2026-11-25`. UTC. */
export function formatDay(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

/** Made as the bot starts: it takes 9 ms, which the first run would wait for. */
const COUNT = new Intl.NumberFormat('en-US');

export function formatCount(count: number): string {
  return COUNT.format(count);
}

/** At the start of a sentence. */
export function capitalize(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

export function plural(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** A sign that is told from the others by its shape, not by its colour. */
export function outcomeSymbol(kind: OutcomeKind): string {
  switch (kind) {
    case 'ok':
      return '✓';
    case 'failed':
    case 'transfer-failed':
      return '✗';
    case 'killed':
      return '†';
    case 'timed-out':
      return '⏱\ufe0e';
    case 'unreachable':
      return '∅';
    case 'auth-failed':
      return '⊘';
    case 'host-key-failed':
      return '⚠\ufe0e';
    case 'not-run':
      return '≠';
    case 'lost':
    case 'interrupted':
      return '?';
    case 'cancelled':
      return '■';
    case 'skipped':
      return '–';
    default:
      return kind satisfies never;
  }
}

/** How one host ended, for people: `failed · exit 2 · 0.4 s`, `timed out · 32.1 s`. */
export function describeOutcome(outcome: Outcome): string {
  const { kind, exitCode, signal, durationMs } = outcome;
  const words = outcomeWords(kind);
  const took = formatDuration(durationMs);
  switch (kind) {
    case 'ok':
      return exitCode === null ? `${words} · ${took}` : `${words} · exit ${exitCode} · ${took}`;
    case 'failed':
      return exitCode === null ? `${words} · ${took}` : `${words} · exit ${exitCode} · ${took}`;
    case 'killed':
      return `${words}${signal === null ? '' : ` by SIG${signal}`} · ${took}`;
    case 'timed-out':
      return `${words} · ${took}`;
    case 'lost':
      return `${words} after ${took}: it may or may not have run to its end`;
    case 'interrupted':
      return `${words}: Batchops stopped before its end was known`;
    case 'skipped':
      return `${words}: it was never started`;
    case 'cancelled':
      return `${words} · ${took}`;
    case 'unreachable':
    case 'auth-failed':
    case 'host-key-failed':
    case 'not-run':
    case 'transfer-failed':
      return `${words} · ${took}`;
    default:
      return kind satisfies never;
  }
}

/** What a run does, on one line of plain text. */
export function describeWork(work: Work): string {
  switch (work.action) {
    case 'run':
      return describeRun(work);
    case 'put':
      return `${describeCopy('put', work.options)} ${work.local} → ${work.remote}`;
    case 'get':
      return `${describeCopy('get', work.options)} ${work.remote} → ${work.local}`;
    case 'ping':
      return 'ping: the login, and what the host offers';
    default:
      return work satisfies never;
  }
}

function describeCopy(action: string, options?: CopyOptions): string {
  return [action, formatCopyOptions(options)].filter((part) => part !== '').join(' ');
}

function describeRun({ command, sudo, script, stdin, env }: RunWork): string {
  const as = sudo === undefined ? '' : `as ${sudo} via sudo: `;
  const what =
    script === undefined ? command : ['script', script.local, ...script.args.map(quoteWord)].join(' ');
  const variables = (env ?? []).map(([name, value]) => ` ${name}=${quoteWord(value)}`);
  return [
    `${as}${what}`,
    ...(stdin === undefined ? [] : [`reading ${stdin.local}`]),
    ...(variables.length === 0 ? [] : [`with${variables.join('')}`]),
  ].join(' · ');
}

/** As a shell would take it, where it is more than one plain word. */
function quoteWord(word: string): string {
  return /^[A-Za-z0-9_./:,=+@%{}-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** What the words that stand for each host's own values make of the command on the first host. */
export function describeFilling({ work, targets: [first] }: Plan): readonly string[] {
  const { values } = first;
  if (work.action !== 'run' || values === undefined) return [];
  const words = Object.keys(values).map((name) => `{${name}}`);
  const filled: RunWork = {
    ...work,
    command: fill(work.command, values),
    ...(work.script && {
      script: { ...work.script, args: work.script.args.map((arg) => fill(arg, values)) },
    }),
    ...(work.env && { env: work.env.map(([name, value]) => [name, fill(value, values)] as const) }),
  };
  return [
    `${words.join(' and ')} ${words.length === 1 ? 'is' : 'are'} each host's own; on ${first.host}: ${describeRun(filled)}`,
  ];
}

/** How many at once, and how long: of a command its time, of a copy its silence. */
export function describeLimits({ work, fanOut, lowered, timeLimitMs, idleMs }: Plan): readonly string[] {
  const limit = formatDuration(timeLimitMs);
  return [
    `at most ${formatCount(fanOut)} at once${lowered === undefined ? '' : describeLowered(lowered)}`,
    ...(work.action === 'ping'
      ? []
      : [work.action === 'run' ? `${limit} each` : `at most ${limit} without progress`]),
    ...(idleMs === undefined ? [] : [`ended after ${formatDuration(idleMs)} of silence`]),
  ];
}

function describeLowered({ from, openFiles }: Lowered): string {
  return ` instead of ${formatCount(from)}, as the bot may open only ${formatCount(openFiles)} files`;
}

/**
 * Which file a put sends, and where the bot has it from: `1.5 KiB, SHA-256 ab12…, Slack's file F0AB, uploaded by
 * @…`; nothing where it is not known yet.
 */
export function describeSource(work: Work, show: SourceWords): readonly string[] {
  const files = filesOf(work);
  return files.flatMap((file) => {
    const words = describeFile(file, show);
    // Of a put there is one, which is named beside it.
    return words.length === 0 || work.action === 'put'
      ? words
      : [`${show.text(file.local)}: ${words.join(', ')}`];
  });
}

function describeFile({ source, shared, origins }: SentFile, show: SourceWords): readonly string[] {
  if (source.sha256 === '' && shared === undefined) return [];
  return [
    ...(source.files === undefined ? [] : [plural(source.files, 'file')]),
    formatBytes(source.bytes),
    source.sha256 === '' ? 'SHA-256 not known before it is fetched' : `SHA-256 ${source.sha256}`,
    ...(shared === undefined ? [] : [`Slack's file ${shared.id}`]),
    ...(shared === undefined || shared.uploader === ''
      ? []
      : [`uploaded by ${show.person(shared.uploader)}`]),
    // Brought from Slack for this run: which file it is stands there already.
    ...(shared === undefined ? (origins ?? []).map((origin) => describeOrigin(origin, show)) : []),
    ...(shared === undefined && origins?.length === 0 ? [NO_ORIGIN] : []),
  ];
}

/** How a place that only some can write down is written: ids of people, names and paths of hosts. */
export interface SourceWords {
  person(userId: string): string;
  text(text: string): string;
}

const NO_ORIGIN =
  'origin not on record (placed by an administrator, or brought here before there was a record)';

function describeOrigin(origin: Origin, show: SourceWords): string {
  return origin.kind === 'fetched'
    ? `fetched from ${show.text(`${origin.host}:${origin.path}`)} by ${show.person(origin.by)}`
    : `Slack's file ${show.text(origin.id)}, uploaded by ${show.person(origin.by)}`;
}

/** `97 ok, 1 failed, 1 timed out`; always in this order. */
function formatTally(progress: Progress): string {
  return settledInOrder(progress)
    .map(([kind, count]) => `${formatCount(count)} ${outcomeWords(kind)}`)
    .join(', ');
}

/** `r-7k3f: 97 ok, 1 failed, 1 timed out, 1 unreachable of 100 in 12.4 s`; nothing that is zero. */
export function formatSummary(run: Run, now: number): string {
  const took = formatDuration((run.finishedAt ?? now) - run.createdAt);
  return `${run.id}: ${formatTally(run.progress)} of ${formatCount(totalJobs(run.progress))} in ${took}`;
}

/** While it runs: `12 of 40 done · 8 running · 20 waiting · 1 failed`. */
export function formatProgress(progress: Progress): string {
  const settled = settledInOrder(progress);
  const done = settled.reduce((sum, [, count]) => sum + count, 0);
  return [
    `${formatCount(done)} of ${formatCount(totalJobs(progress))} done`,
    ...(progress.running > 0 ? [`${formatCount(progress.running)} running`] : []),
    ...(progress.queued > 0 ? [`${formatCount(progress.queued)} waiting`] : []),
    ...settled
      .filter(([kind]) => kind !== 'ok')
      .map(([kind, count]) => `${formatCount(count)} ${outcomeWords(kind)}`),
  ].join(' · ');
}

/** Of what waits while no worker is there. */
export const NO_WORKER = 'No worker is running: what waits starts once one is';
