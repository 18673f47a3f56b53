/**
 * Sets of names as people write them: `web[01-03,05],db1`. A bracket is always a list of numbers, never of
 * letters (pdsh's rule), and their written width is kept: `web[08-10]` is web08, web09, web10.
 */

export const MAX_PER_BRACKET = 1024;
const MAX_PER_TERM = 4096;
/** A name of a hundred characters has no room for more numbers that anyone would tell apart. */
const MAX_BRACKETS = 8;
const MAX_NAME_CHARS = 100;
/** More digits are a serial number, not a place in a row, and would not survive arithmetic. */
export const MAX_DIGITS = 9;

/**
 * What keeps a name from being a host's or a group's; undefined where nothing does. `-h` reads `, ! @ * ? [ ]` and
 * white space as grammar, also in their full-width forms, Slack rewrites dashes, quotes and `< > &`, and a
 * `get` makes a folder of the name.
 */
export function nameFault(name: string): string | undefined {
  const bad =
    /[\s,!@*?[\]/\\<>&|"'`“”‘’„‚‐‑‒–—―−﹣－，、；！＠＊？［］\p{C}\p{Default_Ignorable_Code_Point}\u2800]/u.exec(
      name,
    )?.[0];
  if (bad !== undefined) {
    return `a name cannot hold ${/[\s\p{C}\p{Default_Ignorable_Code_Point}\u2800]/u.test(bad) ? 'white space or invisible characters' : bad}`;
  }
  if (name.startsWith('-')) return 'a name cannot start with -, as options do';
  if (/^\.+$/.test(name)) return 'a name cannot be dots only';
  if (name.length > MAX_NAME_CHARS) return `a name cannot be longer than ${MAX_NAME_CHARS} characters`;
  if (name.toLowerCase() === 'all') return '"all" means every host; choose another name';
  if (/^(__proto__|constructor|prototype)$/i.test(name)) return 'this name is reserved';
  return undefined;
}

/** A list at its commas, not at those in brackets: `web[1,3],db1`. */
export function splitNames(list: string): readonly string[] {
  const names: string[] = [];
  let from = 0;
  for (const { 0: found, index } of list.matchAll(/\[[^[\]]*\]|,/g)) {
    if (found !== ',') continue;
    names.push(list.slice(from, index));
    from = index + 1;
  }
  return [...names, list.slice(from)];
}

/** The names a term with brackets stands for, or what is wrong with it, as a sentence's end. */
export type Unfolded = { readonly names: readonly string[] } | { readonly fault: string };

export function unfoldTerm(term: string): Unfolded {
  const pieces = term.split(/\[([^[\]]*)\]/);
  if (pieces.some((piece, i) => i % 2 === 0 && /[[\]]/.test(piece))) {
    return { fault: 'a bracket is not closed' };
  }
  if (pieces.length > 2 * MAX_BRACKETS + 1) return { fault: `it has more than ${MAX_BRACKETS} brackets` };
  const fixed = pieces.filter((_, i) => i % 2 === 0);
  if (pieces.length > 1 && fixed.join('').length > MAX_NAME_CHARS) {
    return { fault: `no name is longer than ${MAX_NAME_CHARS} characters` };
  }
  // Counted before a single name is made: what is refused costs no more than reading it.
  const brackets: (readonly Span[])[] = [];
  let count = 1;
  for (const list of pieces.filter((_, i) => i % 2 === 1)) {
    const spans = parseNumbers(list);
    if ('fault' in spans) return spans;
    brackets.push(spans.spans);
    count *= spans.count;
    if (count > MAX_PER_TERM) return { fault: `it stands for more than ${MAX_PER_TERM} names` };
  }
  let names: readonly string[] = [fixed[0] ?? ''];
  for (const [i, spans] of brackets.entries()) {
    const endings = spans.flatMap(numbersOf).map((number) => number + (fixed[i + 1] ?? ''));
    names = names.flatMap((name) => endings.map((ending) => name + ending));
  }
  return { names };
}

/** `01-20/2`: whole numbers from the first on, no further than the last. */
interface Span {
  readonly first: number;
  readonly last: number;
  readonly step: number;
  /** Of its numbers; 0 where they are not padded. */
  readonly width: number;
}

function numbersOf({ first, last, step, width }: Span): readonly string[] {
  const count = Math.floor((last - first) / step) + 1;
  return Array.from({ length: count }, (_, i) => String(first + i * step).padStart(width, '0'));
}

type Numbers = { readonly spans: readonly Span[]; readonly count: number } | { readonly fault: string };

/** `01-20`, `1,3,5-7`, `0-6/2`. */
function parseNumbers(list: string): Numbers {
  const spans: Span[] = [];
  let count = 0;
  for (const part of list.split(',')) {
    const match = /^(\d+)(?:-(\d+)(?:\/(\d+))?)?$/.exec(part.trim());
    if (match === null) return { fault: `"[${list}]" is not a list of numbers such as [1,3,5-7]` };
    const [, from = '', to = from, by = '1'] = match;
    if (Math.max(from.length, to.length, by.length) > MAX_DIGITS) {
      return { fault: `"${part.trim()}" has more than ${MAX_DIGITS} digits` };
    }
    const isPadded = [from, to].some((digits) => digits.length > 1 && digits.startsWith('0'));
    if (isPadded && from.length !== to.length) {
      return { fault: `"${part.trim()}" has numbers of different width` };
    }
    const [first, last, step] = [Number(from), Number(to), Number(by)];
    if (first > last) return { fault: `"${part.trim()}" counts down` };
    if (step < 1) return { fault: `"${part.trim()}" has a step of 0` };
    count += Math.floor((last - first) / step) + 1;
    if (count > MAX_PER_BRACKET) {
      return { fault: `"[${list}]" stands for more than ${MAX_PER_BRACKET} names` };
    }
    spans.push({ first, last, step, width: isPadded ? from.length : 0 });
  }
  return { spans, count };
}

/** Work done, in characters looked at: some ten nanoseconds each. */
export interface Effort {
  steps: number;
}

/**
 * Whether `*` (any run of characters) and `?` (one) make the pattern into the text. In step with both, never
 * back further than the last `*`: a regular expression of many stars takes longer than anyone waits.
 */
export function matchesGlob(pattern: string, text: string, effort?: Effort): boolean {
  let at = 0;
  let star = -1;
  let resume = 0;
  let p = 0;
  let steps = 1;
  while (at < text.length) {
    steps += 1;
    const wanted = p < pattern.length ? pattern.charCodeAt(p) : NOTHING;
    if (wanted === STAR) {
      star = p;
      resume = at;
      p += 1;
    } else if (wanted === ANY_ONE || wanted === text.charCodeAt(at)) {
      p += 1;
      at += 1;
    } else if (star !== -1) {
      p = star + 1;
      resume += 1;
      at = resume;
    } else break;
  }
  if (effort !== undefined) effort.steps += steps + pattern.length - Math.min(p, pattern.length);
  if (at < text.length) return false;
  while (pattern.charCodeAt(p) === STAR) p += 1;
  return p >= pattern.length;
}

const STAR = 0x2a;
const ANY_ONE = 0x3f;
/** No character has this code. */
const NOTHING = -1;
