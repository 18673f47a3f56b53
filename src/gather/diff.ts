/** More edits than this and the two have little in common: side by side says more than a diff. */
const MAX_EDITS = 400;
const MAX_LINES = 5_000;
const CONTEXT = 2;

interface Edit {
  readonly sign: ' ' | '-' | '+';
  readonly line: string;
}

/**
 * How `after` differs from `before`, as the hunks of a unified diff; empty where it does not, undefined where
 * the two are too large or too different to be compared in a blink.
 */
export function diffLines(before: string, after: string): string | undefined {
  if (before === after) return '';
  const a = before.split('\n');
  const b = after.split('\n');
  if (a.length > MAX_LINES || b.length > MAX_LINES) return undefined;
  const edits = findEdits(a, b);
  return edits === undefined ? undefined : formatHunks(edits);
}

/** Myers' shortest edit script (An O(ND) Difference Algorithm, 1986), between the common ends. */
function findEdits(a: readonly string[], b: readonly string[]): readonly Edit[] | undefined {
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) end += 1;
  const middle = findMiddle(a.slice(start, a.length - end), b.slice(start, b.length - end));
  if (middle === undefined) return undefined;
  const same = (line: string): Edit => ({ sign: ' ', line });
  return [...a.slice(0, start).map(same), ...middle, ...a.slice(a.length - end).map(same)];
}

function findMiddle(a: readonly string[], b: readonly string[]): readonly Edit[] | undefined {
  const most = Math.min(a.length + b.length, MAX_EDITS);
  // furthest[k]: how far into `a` the best path on diagonal k = x - y has come.
  const furthest = new Int32Array(2 * most + 3);
  const at = (k: number): number => furthest[k + most + 1] ?? 0;
  const trace: Int32Array[] = [];
  for (let edits = 0; edits <= most; edits += 1) {
    trace.push(furthest.slice());
    for (let k = -edits; k <= edits; k += 2) {
      const down = k === -edits || (k !== edits && at(k - 1) < at(k + 1));
      let x = down ? at(k + 1) : at(k - 1) + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x += 1;
      furthest[k + most + 1] = x;
      if (x >= a.length && x - k >= b.length) return walkBack(a, b, trace, most);
    }
  }
  return undefined;
}

function walkBack(
  a: readonly string[],
  b: readonly string[],
  trace: readonly Int32Array[],
  most: number,
): readonly Edit[] {
  const edits: Edit[] = [];
  let x = a.length;
  let y = b.length;
  for (let step = trace.length - 1; step > 0; step -= 1) {
    const at = (k: number): number => trace[step]?.[k + most + 1] ?? 0;
    const k = x - y;
    const down = k === -step || (k !== step && at(k - 1) < at(k + 1));
    const fromX = down ? at(k + 1) : at(k - 1);
    const fromY = fromX - (down ? k + 1 : k - 1);
    const turnX = down ? fromX : fromX + 1;
    for (; x > turnX; x -= 1, y -= 1) edits.push({ sign: ' ', line: a[x - 1] ?? '' });
    edits.push(down ? { sign: '+', line: b[fromY] ?? '' } : { sign: '-', line: a[fromX] ?? '' });
    x = fromX;
    y = fromY;
  }
  for (; x > 0; x -= 1) edits.push({ sign: ' ', line: a[x - 1] ?? '' });
  return edits.reverse();
}

function formatHunks(edits: readonly Edit[]): string {
  const lines: string[] = [];
  let from = { a: 1, b: 1 };
  let counted = 0;
  const advance = (to: number): { a: number; b: number } => {
    for (; counted < to; counted += 1) {
      const sign = edits[counted]?.sign;
      from = { a: from.a + (sign === '+' ? 0 : 1), b: from.b + (sign === '-' ? 0 : 1) };
    }
    return from;
  };
  for (let at = 0; at < edits.length; ) {
    const next = edits.findIndex((edit, i) => i >= at && edit.sign !== ' ');
    if (next === -1) break;
    const start = Math.max(at, next - CONTEXT);
    let last = next;
    for (let i = next; i < edits.length && i <= last + 2 * CONTEXT; i += 1) {
      if (edits[i]?.sign !== ' ') last = i;
    }
    const hunk = edits.slice(start, last + 1 + CONTEXT);
    const { a, b } = advance(start);
    const count = (other: '+' | '-'): number => hunk.filter(({ sign }) => sign !== other).length;
    lines.push(`@@ -${a},${count('+')} +${b},${count('-')} @@`);
    lines.push(...hunk.map(({ sign, line }) => `${sign}${line}`));
    at = start + hunk.length;
  }
  return lines.join('\n');
}
