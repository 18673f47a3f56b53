/** Hosts that one line may stand for. */
const MOST = 65_536;

/** `web[01:20]`, `web[1:9:2]`, `rack[a:c]-[1:2]` → names; or what is wrong with it, as a sentence. */
export function expandRanges(pattern: string): readonly string[] | string {
  let names = [''];
  for (let rest = pattern; rest !== ''; ) {
    const open = rest.indexOf('[');
    const close = rest.indexOf(']', open);
    if (open === -1) return rest.includes(']') ? 'a range is not opened: web[01:20]' : append(names, [rest]);
    if (close === -1) return 'a range is not closed: web[01:20]';
    const values = valuesOf(rest.slice(open + 1, close));
    if (typeof values === 'string') return values;
    if (names.length * values.length > MOST) return `a line stands for more than ${MOST} hosts`;
    const before = rest.slice(0, open);
    names = append(
      names,
      values.map((value) => before + value),
    );
    rest = rest.slice(close + 1);
  }
  return names;
}

function append(names: readonly string[], ends: readonly string[]): string[] {
  return names.flatMap((name) => ends.map((end) => name + end));
}

const EXPECTED = 'expected a range of numbers or letters, [01:20], [1:9:2] or [a:f]';

function valuesOf(range: string): readonly string[] | string {
  const [first = '', last = '', step = '1', ...more] = range.split(':');
  const by = /^[1-9]\d{0,5}$/.test(step) ? Number(step) : 0;
  if (by === 0 || more.length > 0) return EXPECTED;
  if (/^[a-z]$/i.test(first) && /^[a-z]$/i.test(last)) {
    const [from, to] = [first.charCodeAt(0), last.charCodeAt(0)];
    // From one case to the other are marks that stand in no name.
    if (from > to || /[A-Z]/.test(first) !== /[A-Z]/.test(last)) return EXPECTED;
    return count(from, to, by).map((code) => String.fromCharCode(code));
  }
  if (!/^\d{1,6}$/.test(first) || !/^\d{1,6}$/.test(last) || Number(first) > Number(last)) return EXPECTED;
  // As Ansible has it: a leading zero is kept to its width, and then both ends are as wide.
  const width = first.startsWith('0') && first.length > 1 ? first.length : 0;
  if (width > 0 && last.length !== width)
    return 'both ends of a range with leading zeros are as wide: [01:20]';
  const numbers = count(Number(first), Number(last), by);
  if (numbers.length > MOST) return `a line stands for more than ${MOST} hosts`;
  return numbers.map((number) => String(number).padStart(width, '0'));
}

function count(from: number, to: number, by: number): readonly number[] {
  return Array.from({ length: Math.floor((to - from) / by) + 1 }, (_, i) => from + i * by);
}
