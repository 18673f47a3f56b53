/**
 * Sets of names as people write them: `web[01-03,05],db1`. A bracket is always a list of numbers, never of
 * letters (pdsh's rule), and their written width is kept: `web[08-10]` is web08, web09, web10.
 */

const MAX_PER_BRACKET = 1024;
const MAX_PER_EXPRESSION = 4096;
/** More digits are a serial number, not a place in a row, and would not survive arithmetic. */
const MAX_DIGITS = 9;

/**
 * What keeps a name from being a host's or a group's; undefined where nothing does. `-h` reads `, ! @ * ? [ ]` and
 * white space as grammar, also in their full-width forms, Slack rewrites dashes, quotes and `< > &`, and a
 * `get` makes a folder of the name.
 */
export function nameFault(name: string): string | undefined {
  const bad = /[\s,!@*?[\]/\\<>&|"'`“”‘’„‚‐‑‒–—―−﹣－，、；！＠＊？［］\p{C}]/u.exec(name)?.[0];
  if (bad !== undefined) {
    return `a name cannot hold ${/[\s\p{C}]/u.test(bad) ? 'white space or invisible characters' : bad}`;
  }
  if (name.startsWith('-')) return 'a name cannot start with -, as options do';
  if (/^\.+$/.test(name)) return 'a name cannot be dots only';
  if (name.length > 100) return 'a name cannot be longer than 100 characters';
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
  let names: readonly string[] = [''];
  for (const [i, piece] of pieces.entries()) {
    if (i % 2 === 0) {
      names = names.map((name) => name + piece);
      continue;
    }
    const numbers = unfoldNumbers(piece);
    if ('fault' in numbers) return numbers;
    if (names.length * numbers.names.length > MAX_PER_EXPRESSION) {
      return { fault: `it stands for more than ${MAX_PER_EXPRESSION} names` };
    }
    names = names.flatMap((name) => numbers.names.map((number) => name + number));
  }
  return { names };
}

/** `01-20`, `1,3,5-7`, `0-6/2` → the numbers as written. */
function unfoldNumbers(list: string): Unfolded {
  const names: string[] = [];
  for (const part of list.split(',')) {
    const match = /^(\d+)(?:-(\d+)(?:\/(\d+))?)?$/.exec(part.trim());
    if (match === null) return { fault: `"[${list}]" is not a list of numbers such as [1,3,5-7]` };
    const [, first = '', last = first, step = '1'] = match;
    if (Math.max(first.length, last.length, step.length) > MAX_DIGITS) {
      return { fault: `"${part.trim()}" has more than ${MAX_DIGITS} digits` };
    }
    const isPadded = [first, last].some((digits) => digits.length > 1 && digits.startsWith('0'));
    if (isPadded && first.length !== last.length) {
      return { fault: `"${part.trim()}" has numbers of different width` };
    }
    if (Number(first) > Number(last)) return { fault: `"${part.trim()}" counts down` };
    if (Number(step) < 1) return { fault: `"${part.trim()}" has a step of 0` };
    for (let n = Number(first); n <= Number(last); n += Number(step)) {
      if (names.length === MAX_PER_BRACKET) {
        return { fault: `"[${list}]" stands for more than ${MAX_PER_BRACKET} names` };
      }
      names.push(String(n).padStart(isPadded ? first.length : 0, '0'));
    }
  }
  return { names };
}

/**
 * Whether `*` (any run of characters) and `?` (one) make the pattern into the text. In step with both, never
 * back further than the last `*`: a regular expression of many stars takes longer than anyone waits.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  let at = 0;
  let star = -1;
  let resume = 0;
  let p = 0;
  while (at < text.length) {
    if (pattern[p] === '*') {
      star = p;
      resume = at;
      p += 1;
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[at])) {
      p += 1;
      at += 1;
    } else if (star !== -1) {
      p = star + 1;
      resume += 1;
      at = resume;
    } else return false;
  }
  return /^\**$/.test(pattern.slice(p));
}

interface Row {
  readonly prefix: string;
  readonly suffix: string;
  /** Of its numbers; 0 where they are not padded. */
  readonly width: number;
  readonly numbers: Set<number>;
}

/**
 * Names folded on their last number only, each row where its first name stood. Folding all numbers at once
 * takes minutes on irregular names (clustershell#559), and an IP address is not a row.
 */
export function formatHostSet(names: readonly string[]): string {
  const parts = names.map((name) => ({ name, ...splitNumber(name) }));
  const widths = new Map<string, Set<number>>();
  for (const { prefix, digits, suffix } of parts) {
    if (!/^0\d/.test(digits)) continue;
    const key = `${prefix}\n${suffix}`;
    widths.set(key, (widths.get(key) ?? new Set()).add(digits.length));
  }
  const rows = new Map<string, Row>();
  for (const { name, prefix, digits, suffix } of parts) {
    // 10 belongs to 08 and 09 where there are such, and else to 8 and 9.
    const width = widths.get(`${prefix}\n${suffix}`)?.has(digits.length) ? digits.length : 0;
    const key = digits === '' ? `\n${name}` : `${width}\n${prefix}\n${suffix}`;
    const row = rows.get(key) ?? { prefix, suffix, width, numbers: new Set() };
    if (digits !== '') row.numbers.add(Number(digits));
    rows.set(key, row);
  }
  return Array.from(rows.values(), formatRow).join(',');
}

function splitNumber(name: string): { prefix: string; digits: string; suffix: string } {
  const isAddress = name.includes(':') || /^\d+(\.\d+){3}$/.test(name);
  const [, prefix = name, digits = '', suffix = ''] = /^(.*?)(?<!\d)(\d+)(\D*)$/s.exec(name) ?? [];
  if (isAddress || digits.length > MAX_DIGITS) return { prefix: name, digits: '', suffix: '' };
  return { prefix, digits, suffix };
}

function formatRow({ prefix, suffix, width, numbers }: Row): string {
  const write = (n: number) => String(n).padStart(width, '0');
  const spans: [number, number][] = [];
  for (const n of Array.from(numbers).toSorted((a, b) => a - b)) {
    const last = spans.at(-1);
    if (last !== undefined && last[1] === n - 1 && write(n).length >= width) last[1] = n;
    else spans.push([n, n]);
  }
  if (numbers.size === 0) return prefix;
  const [only = 0] = numbers;
  if (numbers.size === 1) return `${prefix}${write(only)}${suffix}`;
  const brackets = splitSpans(spans).map((some) =>
    some.map(([from, to]) => (from === to ? write(from) : `${write(from)}-${write(to)}`)).join(','),
  );
  return brackets.map((list) => `${prefix}[${list}]${suffix}`).join(',');
}

/** Into as many brackets as it takes: what is printed can be typed again. */
function splitSpans(spans: readonly (readonly [number, number])[]): readonly (readonly [number, number])[][] {
  const brackets: [number, number][][] = [[]];
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
