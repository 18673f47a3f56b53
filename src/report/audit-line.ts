import { type AuditEntry, NOT_ON_RECORD } from '../run/audit-entry.ts';
import { OUTCOME_KINDS, outcomeWords } from '../run/outcome.ts';
import { context, type Message } from './message.ts';
import { channelLink, escapeMrkdwn, escapeShort, inlineCode, mention } from './text/escape.ts';
import { cleanOutput } from './text/plain.ts';
import { formatCount, formatDuration, plural } from './text/wording.ts';

const MAX_TYPED_CHARS = 900;
const MAX_REASON_CHARS = 700;
const MAX_RUNS_CHARS = 400;

/**
 * One line per entry. It ends in the entry's number and the beginning of its hash: the channel is the anchor
 * outside the database by which a rewritten trail is found out.
 */
export function formatAuditLine(entry: AuditEntry): Message {
  const { detail } = entry;
  const typed = textOf(detail.typed);
  const reason = textOf(detail.reason);
  const parts = [
    `${signOf(entry.action)} *${escapeShort(entry.action, 40)}*`,
    ...(entry.runId === null ? [] : [escapeShort(entry.runId, 40)]),
    ...(entry.userId === '' ? [] : [mention(entry.userId)]),
    ...(entry.channelId === null ? [] : [`in ${channelLink(entry.channelId)}`]),
    ...(entry.action === 'refused' && typeof detail.count === 'number'
      ? [`${formatCount(detail.count)} more within a minute, the last:`]
      : []),
    ...(textOf(detail.sudo) === '' ? [] : [`as ${escapeShort(textOf(detail.sudo), 80)} via sudo`]),
    ...(typed === '' ? [] : [inlineCode(cleanOutput(typed), MAX_TYPED_CHARS)]),
    ...(Array.isArray(detail.runs) ? [escapeShort(detail.runs.map(textOf).join(', '), MAX_RUNS_CHARS)] : []),
    ...(detail.origins === NOT_ON_RECORD ? ['its origin is not on record'] : []),
    ...whenOf(entry),
    ...countsOf(detail),
    ...(reason === '' ? [] : [inlineCode(cleanOutput(reason), MAX_REASON_CHARS)]),
    headOf(entry),
  ];
  const text = parts.join(' · ');
  return { text, blocks: [context(text)] };
}

function whenOf({ action, detail: { when } }: AuditEntry): readonly string[] {
  if (action !== 'anchored') return [];
  return [when === 'daily' ? 'daily' : when === 'stop' ? 'at the stop' : 'at the start'];
}

/** An anchor is there to be compared, so it tells all of it. */
function headOf({ action, seq, hash }: AuditEntry): string {
  return action === 'anchored'
    ? inlineCode(`${seq}:${hash}`, 100)
    : `#${seq} ${escapeMrkdwn(hash.slice(0, 12))}`;
}

function signOf(action: AuditEntry['action']): string {
  switch (action) {
    case 'accepted':
      return '▶\ufe0e';
    case 'refused':
      return '⊘';
    case 'cancelled':
      return '■';
    case 'settled':
    case 'late':
      return '✓';
    case 'stopped':
      return '■';
    case 'held':
      return '⏸\ufe0e';
    case 'resumed':
      return '▶\ufe0e';
    case 'read':
      return '○';
    case 'interrupted':
      return '?';
    case 'reloaded':
    case 'sent-again':
      return '↻';
    case 'reload-failed':
    case 'other-process':
      return '⚠\ufe0e';
    case 'trusted':
      return '✚';
    case 'anchored':
      return '⚓\ufe0e';
    case 'moved':
    case 'started':
    case 'retired':
      return '·';
    case 'text-read':
      return '✎';
    default:
      return action satisfies never;
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** `40 hosts`, how they ended, how long it took: whichever of it the entry tells. */
function countsOf({
  hosts,
  outcomes,
  skipped,
  running,
  waiting,
  firstKeys,
  tookMs,
}: AuditEntry['detail']): readonly string[] {
  const counted = Array.isArray(hosts) ? hosts.length : hosts;
  const ends = typeof outcomes === 'object' && outcomes !== null ? Object.entries(outcomes) : [];
  return [
    ...(typeof counted === 'number' ? [plural(counted, 'host')] : []),
    ...OUTCOME_KINDS.flatMap((kind) =>
      ends
        .filter(([key, n]) => key === kind && typeof n === 'number' && n > 0)
        .map(([, n]) => `${n} ${outcomeWords(kind)}`),
    ),
    ...(Array.isArray(running) && running.length > 0
      ? [`${plural(running.length, 'host')} to be stopped`]
      : []),
    ...(typeof skipped === 'number' && skipped > 0 ? [`${plural(skipped, 'host')} skipped`] : []),
    ...(typeof waiting === 'number' ? [`${plural(waiting, 'host')} waiting`] : []),
    ...(typeof firstKeys === 'number' ? [`${plural(firstKeys, 'host key')} not known before`] : []),
    ...(typeof tookMs === 'number' ? [formatDuration(tookMs)] : []),
  ];
}
