import { formatHostSet, splitNames } from '../../inventory/host-set.ts';
import { cleanOutput, takeStart } from './plain.ts';
import { formatCount } from './wording.ts';

interface Fold {
  readonly text: string;
  readonly count: number;
}

/** Consecutive numbered names as the range that would choose them, in the order given: `web[01-20]`, `db1`. */
export function foldNames(names: readonly string[]): readonly Fold[] {
  const folds: Fold[] = [];
  let at = 0;
  while (at < names.length) {
    const first = names[at] ?? '';
    let end = at + 1;
    while (end < names.length && follows(names[end - 1] ?? '', names[end] ?? '')) end += 1;
    const count = end - at;
    folds.push({ text: count === 1 ? first : rangeOf(first, names[end - 1] ?? ''), count });
    at = end;
  }
  return folds;
}

interface Numbered {
  readonly prefix: string;
  readonly digits: string;
  readonly suffix: string;
}

/** A name around its last number. More digits than a safe integer has are a serial number, not a place in a row. */
function parseNumbered(name: string): Numbered | undefined {
  const found = /^(.*?)(\d{1,15})(\D*)$/s.exec(name);
  const [, prefix, digits, suffix] = found ?? [];
  if (prefix === undefined || digits === undefined || suffix === undefined || /\d$/.test(prefix))
    return undefined;
  return { prefix, digits, suffix };
}

function follows(name: string, next: string): boolean {
  const a = parseNumbered(name);
  const b = parseNumbered(next);
  if (a === undefined || b === undefined || a.prefix !== b.prefix || a.suffix !== b.suffix) return false;
  if (Number(b.digits) !== Number(a.digits) + 1) return false;
  // 9 → 10 grows by itself; 09 → 10 keeps its width; 9 → 010 is another row.
  return a.digits.length === b.digits.length || (!a.digits.startsWith('0') && !b.digits.startsWith('0'));
}

function rangeOf(first: string, last: string): string {
  const a = parseNumbered(first);
  const b = parseNumbered(last);
  if (a === undefined || b === undefined) return first;
  return `${a.prefix}[${a.digits}-${b.digits}]${a.suffix}`;
}

/** The names folded, and cut with a count where they need more than `maxChars`: `web[01-20], db1 and 31 more`. */
export function formatHostNames(names: readonly string[], maxChars: number): string {
  const folds = foldNames(names);
  const shown: string[] = [];
  let chars = 0;
  let hosts = 0;
  for (const fold of folds) {
    // Room is kept for the count that may have to follow.
    if (chars + fold.text.length + 2 > maxChars - 20 && hosts + fold.count < names.length) break;
    if (chars + fold.text.length > maxChars) break;
    shown.push(fold.text);
    chars += fold.text.length + 2;
    hosts += fold.count;
  }
  const rest = names.length - hosts;
  if (rest === 0) return shown.join(', ');
  return shown.length === 0
    ? `${formatCount(rest)} hosts`
    : `${shown.join(', ')} and ${formatCount(rest)} more`;
}

/** The name of a group that has exactly these hosts; undefined where none has. */
export type NameSet = (hosts: readonly string[]) => string | undefined;

/**
 * A set of hosts by the shortest name that chooses it, and how many they are: `@web (20)`,
 * `web[01-18,20] (19)`. Where that needs more than `maxChars`, as many as fit, and how many do not.
 */
export function formatHostSetName(hosts: readonly string[], maxChars: number, nameSet?: NameSet): string {
  const clean = hosts.map((host) => cleanOutput(host));
  const [only] = clean;
  if (clean.length === 1 && only !== undefined && only.length <= maxChars) return only;
  const count = ` (${formatCount(hosts.length)})`;
  const group = nameSet?.(hosts);
  if (group !== undefined) return `@${takeStart(cleanOutput(group), maxChars)}${count}`;
  const room = maxChars - count.length;
  const whole = formatHostSet(clean);
  if (whole.length <= room) return `${whole}${count}`;
  const start = takeNames(whole, room - 20);
  const rest = formatCount(hosts.length - start.count);
  return start.count === 0 ? `${rest} hosts` : `${start.text} and ${rest} more${count}`;
}

/** As much of a host set as fits, ended where a name or a row of numbers ends, and how many hosts that is. */
function takeNames(set: string, maxChars: number): { readonly text: string; readonly count: number } {
  let end = set.lastIndexOf(',', maxChars);
  // A name may hold brackets of its own: then it is counted as it is read here, and never cut inside.
  for (; end > 0; end = set.lastIndexOf(',', end - 1)) {
    const text = set.slice(0, end);
    const opened = text.lastIndexOf('[');
    const isInside = opened > text.lastIndexOf(']');
    const suffix = isInside ? (/^[^\]]*\](\D*?)(?:,|$)/.exec(set.slice(end))?.[1] ?? '') : '';
    const whole = isInside ? `${text}]${suffix}` : text;
    if (whole.length <= maxChars) return { text: whole, count: countNames(whole) };
  }
  return { text: '', count: 0 };
}

function countNames(set: string): number {
  return splitNames(set).reduce((sum, term) => {
    const list = /\[([\d,-]+)\]/.exec(term)?.[1];
    if (list === undefined) return sum + 1;
    const numbers = list.split(',').map((part) => {
      const [from = '', to = from] = part.split('-');
      return Number(to) - Number(from) + 1;
    });
    return sum + numbers.reduce((all, one) => all + one, 0);
  }, 0);
}
