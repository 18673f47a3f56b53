import type { Outcome, StreamText } from '../run/outcome.ts';
import type { Run } from '../run/run.ts';
import {
  bold,
  italic,
  line,
  type Message,
  preformatted,
  type RichTextElement,
  richText,
  section,
} from './message.ts';
import { escapeMrkdwn, escapeShort } from './text/escape.ts';
import { formatHostNames } from './text/host-names.ts';
import { cleanOutput, shortLine, takeEndLines } from './text/plain.ts';
import { describeOutcome, formatCount, formatDay, outcomeSymbol, plural } from './text/wording.ts';

/** All of it is one message for one person, so it has to stay below what Slack takes at once. */
const MAX_CHARS = 8_000;
const MAX_NAMES_CHARS = 400;
const MAX_REASON_CHARS = 300;
/** Below this an excerpt says too little to be worth its place. */
const MIN_EXCERPT_CHARS = 160;
const MAX_EXCERPT_CHARS = 1_500;

/** Hosts that ended alike, with the result of one of them. */
export interface Trouble {
  readonly hosts: readonly [string, ...string[]];
  readonly outcome: Outcome;
}

/** How many bundles one message can tell apart: the outputs of more need not be read. */
export const MAX_TROUBLES = 14;

/** Only errors: what did not end ok, worst first, each with the end of what it said. */
export function formatErrors(
  run: Run,
  troubles: readonly Trouble[],
  others: readonly Pick<Trouble, 'hosts'>[] = [],
): Message {
  const total = countHosts([...troubles, ...others]);
  const title =
    total === 0
      ? `${run.id}: every host that has ended is ok.`
      : `${run.id}: ${plural(total, 'host')} not ok, ${plural(troubles.length + others.length, 'different result')}`;
  const elements: RichTextElement[] = [line(bold(title))];
  let room = MAX_CHARS - title.length;
  let told = 0;
  for (const [index, trouble] of troubles.entries()) {
    const head = headOf(trouble);
    if (head.length > room) break;
    room -= head.length;
    // What is left is shared by those that are still to come, once their own lines are paid for.
    const share = Math.floor(room / (troubles.length - index)) - MIN_EXCERPT_CHARS;
    const excerpt = excerptOf(trouble.outcome, Math.min(MAX_EXCERPT_CHARS, share));
    room -= excerpt.length;
    elements.push(line(head), ...(excerpt === '' ? [] : [preformatted(excerpt)]));
    told += 1;
  }
  const rest = [...troubles.slice(told), ...others];
  if (rest.length > 0) {
    const more = `… and ${plural(countHosts(rest), 'more host')}: the thread has them, and /batch show ${run.id} HOST`;
    elements.push(line(italic(more)));
  }
  if (run.outputGoneAt !== undefined && total > 0) {
    elements.push(line(italic(`What they said was kept until ${formatDay(run.outputGoneAt)}.`)));
  }
  return { text: escapeShort(title, 500), blocks: [richText(...elements)] };
}

function countHosts(troubles: readonly Pick<Trouble, 'hosts'>[]): number {
  return troubles.reduce((sum, { hosts }) => sum + hosts.length, 0);
}

function headOf({ hosts, outcome }: Trouble): string {
  const names = formatHostNames(
    hosts.map((host) => cleanOutput(host)),
    MAX_NAMES_CHARS,
  );
  const count = hosts.length > 1 ? ` (${formatCount(hosts.length)})` : '';
  const reason = shortLine(cleanOutput(outcome.reason), MAX_REASON_CHARS);
  const verdict = `${outcomeSymbol(outcome.kind)} ${describeOutcome(outcome)}`;
  return `\n${shortLine(names, MAX_NAMES_CHARS)}${count}  ${verdict}${reason === '' ? '' : `\n${reason}`}\n`;
}

/** The end of stderr, or of stdout where stderr is silent: that is where a program says why. */
function excerptOf({ stderr, stdout }: Outcome, maxChars: number): string {
  if (maxChars < MIN_EXCERPT_CHARS) return '';
  for (const [name, stream] of [['stderr', stderr] as const, ['stdout', stdout] as const]) {
    const end = cleanEnd(stream, 4 * maxChars);
    if (end.trim() === '') continue;
    const marked = `${name}: …\n`;
    return end.length <= maxChars && stream.omittedBytes === 0
      ? end
      : `${marked}${takeEndLines(end, maxChars - marked.length)}`;
  }
  return '';
}

function cleanEnd(stream: StreamText, maxChars: number): string {
  if (stream.binary) return '';
  // Only a piece: megabytes need not be cleaned for the last lines.
  const kept = stream.tail === '' ? stream.head : stream.tail;
  return cleanOutput(kept.slice(-maxChars)).trimEnd();
}

/** Full log: where it is, or soon will be. */
export function formatLogPointer(run: Run, isThere: boolean, link: string | undefined): Message {
  const where = isThere ? 'is a file in its thread' : 'is being put into its thread as a file';
  const text = `The full log of ${escapeMrkdwn(run.id)} ${where}.`;
  const isLink = link !== undefined && /^https?:\/\/[^\s<>|]+$/.test(link);
  return { text, blocks: [section(isLink ? `${text} <${link}|Go to the thread>` : text)] };
}
