/** Sets of names as they are printed: `web[01-03,05],db1`. What is printed whole can be typed again. */
import { MAX_DIGITS, MAX_PER_BRACKET } from './host-set.ts';

type Span = readonly [from: number, to: number];

/** Names that differ in one number, as many as one bracket takes; or, without spans, one name. */
interface Term {
  readonly prefix: string;
  readonly suffix: string;
  /** Of its numbers; 0 where they are not padded. */
  readonly width: number;
  readonly spans: readonly Span[];
}

/** All of them, in as many brackets as it takes. */
export function formatHostSet(names: readonly string[]): string {
  return formatTerms(foldNames(names), ',');
}

/** A bracket takes no more names, so a longer list could not be sent. */
const MAX_TYPED_NAMES = 1_000;
const MAX_TYPED_CHARS = 300;

/** All of them, to be typed; undefined where nobody would. */
export function formatTypable(names: readonly string[]): string | undefined {
  if (names.length > MAX_TYPED_NAMES) return undefined;
  const set = formatHostSet(names);
  return set.length <= MAX_TYPED_CHARS ? set : undefined;
}

export interface HostSetRoom {
  readonly maxChars: number;
  /** Kept free of it where not all names have room: for the words that say so. */
  readonly restChars: number;
  /** A comma, and a space behind it where one reads better. */
  readonly separator: ',' | ', ';
}

/** As many as fit, ended where a name or a row of numbers ends, and how many names that is. */
export function takeHostSet(
  names: readonly string[],
  { maxChars, restChars, separator }: HostSetRoom,
): { readonly text: string; readonly count: number } {
  const terms = foldNames(names);
  const whole = formatTerms(terms, separator);
  if (whole.length <= maxChars) return { text: whole, count: names.length };
  const shown: Term[] = [];
  let room = maxChars - restChars;
  for (const term of terms) {
    if (shown.length > 0) room -= separator.length;
    const spans = takeSpans(term, room);
    if (spans === undefined) break;
    shown.push({ ...term, spans });
    room -= formatTerm(term, spans).length;
    if (spans.length < term.spans.length) break;
  }
  return {
    text: formatTerms(shown, separator),
    count: shown.reduce((sum, { spans }) => sum + countNames(spans), 0),
  };
}

function formatTerms(terms: readonly Term[], separator: string): string {
  return terms.map((term) => formatTerm(term, term.spans)).join(separator);
}

/** Undefined where not even the first of them has room. */
function takeSpans(term: Term, maxChars: number): readonly Span[] | undefined {
  if (formatTerm(term, term.spans).length <= maxChars) return term.spans;
  let room = maxChars - term.prefix.length - term.suffix.length - '[]'.length;
  let fitting = 0;
  for (const span of term.spans) {
    room -= formatSpan(span, term.width).length + (fitting === 0 ? 0 : 1);
    if (room < 0) break;
    fitting += 1;
  }
  return fitting === 0 ? undefined : term.spans.slice(0, fitting);
}

interface Part {
  readonly prefix: string;
  readonly digits: string;
  readonly suffix: string;
}

interface Row {
  readonly prefix: string;
  readonly suffix: string;
  readonly width: number;
  readonly numbers: Set<number>;
}

/**
 * Names folded on their last number only, each row where its first name stood. Folding all numbers at once
 * takes minutes on irregular names (clustershell#559), and an IP address is not a row.
 */
function foldNames(names: readonly string[]): readonly Term[] {
  const parts = names.map(splitNumber);
  const widths = new Map<string, Set<number>>();
  for (const { prefix, digits, suffix } of parts) {
    if (digits.length < 2 || digits[0] !== '0') continue;
    const key = `${prefix}\n${suffix}`;
    widths.set(key, (widths.get(key) ?? new Set()).add(digits.length));
  }
  const rows = new Map<string, Row>();
  let last: Row | undefined;
  for (const { prefix, digits, suffix } of parts) {
    // 10 belongs to 08 and 09 where there are such, and else to 8 and 9.
    const isPadded = widths.size > 0 && widths.get(`${prefix}\n${suffix}`)?.has(digits.length);
    const width = isPadded ? digits.length : 0;
    // Most often that of the name before.
    if (digits !== '' && last?.width === width && last.prefix === prefix && last.suffix === suffix) {
      last.numbers.add(Number(digits));
      continue;
    }
    const key = digits === '' ? `\n${prefix}` : `${width}\n${prefix}\n${suffix}`;
    const row = rows.get(key) ?? { prefix, suffix, width, numbers: new Set() };
    if (digits !== '') row.numbers.add(Number(digits));
    rows.set(key, row);
    last = digits === '' ? undefined : row;
  }
  return Array.from(rows.values()).flatMap(({ prefix, suffix, width, numbers }) =>
    splitSpans(spansOf(numbers)).map((spans) => ({ prefix, suffix, width, spans })),
  );
}

/** A name around its last number. */
function splitNumber(name: string): Part {
  let end = name.length;
  while (end > 0 && !isDigit(name, end - 1)) end--;
  let start = end;
  while (start > 0 && isDigit(name, start - 1)) start--;
  const isAddress = name.includes(':') || /^\d+(\.\d+){3}$/.test(name);
  if (isAddress || start === end || end - start > MAX_DIGITS) return { prefix: name, digits: '', suffix: '' };
  return { prefix: name.slice(0, start), digits: name.slice(start, end), suffix: name.slice(end) };
}

function isDigit(name: string, at: number): boolean {
  const code = name.charCodeAt(at);
  return code >= 0x30 && code <= 0x39;
}

function spansOf(numbers: ReadonlySet<number>): readonly Span[] {
  const spans: [number, number][] = [];
  for (const n of Array.from(numbers).toSorted((a, b) => a - b)) {
    const last = spans.at(-1);
    if (last !== undefined && last[1] === n - 1) last[1] = n;
    else spans.push([n, n]);
  }
  return spans;
}

/** Into as many brackets as it takes, and at least one. */
function splitSpans(spans: readonly Span[]): readonly (readonly Span[])[] {
  const brackets: Span[][] = [[]];
  let room = MAX_PER_BRACKET;
  for (const [first, last] of spans) {
    for (let from = first; from <= last; ) {
      if (room === 0) {
        brackets.push([]);
        room = MAX_PER_BRACKET;
      }
      const to = Math.min(last, from + room - 1);
      brackets.at(-1)?.push([from, to]);
      room -= to - from + 1;
      from = to + 1;
    }
  }
  return brackets;
}

function formatTerm({ prefix, suffix, width }: Term, spans: readonly Span[]): string {
  const [first] = spans;
  if (first === undefined) return prefix;
  const isOne = spans.length === 1 && first[0] === first[1];
  const list = spans.map((span) => formatSpan(span, width)).join(',');
  return isOne ? `${prefix}${list}${suffix}` : `${prefix}[${list}]${suffix}`;
}

function formatSpan([from, to]: Span, width: number): string {
  const write = (n: number) => String(n).padStart(width, '0');
  return from === to ? write(from) : `${write(from)}-${write(to)}`;
}

function countNames(spans: readonly Span[]): number {
  return spans.length === 0 ? 1 : spans.reduce((sum, [from, to]) => sum + to - from + 1, 0);
}
