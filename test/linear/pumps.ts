import { type Pump, pump } from './cpu.ts';

/** A few characters of each kind that our patterns tell apart. */
const POOL = [
  ...'aZ09fge_-./:;,!@#&|=+*?~^$%()[]{}<>\\`\'" \t\n\r\0\u0007\u0008\u001b\u007f\u0085\u009b\u009c\u009d\u00a0\u00ad',
  ...'éß“”‘’‐–—−\u061c\u200b\u200d\u202e\u2028\u3000\ufe0f\ufeff報\ud83d\u{1f600}\u{e0041}',
];
/** What may stand where a pattern gives up: an end that fits it seldom. */
const ENDS = ['', '\n', '\0', 'a1', ' !'];
const MAX_PUMPS = 120;

/**
 * Texts on which a pattern that can be slow is slow: what each part of it takes, over and over, alone and with
 * its neighbours; behind its own beginning; and broken off before its end.
 */
export function pumpsFor(pattern: RegExp): readonly Pump[] {
  const samples = atomsOf(pattern.source).map((atom) => samplesOf(atom, pattern.flags));
  const first = samples.map(([one]) => one ?? '');
  const pumps: Pump[] = [];
  for (const [at, own] of samples.entries()) {
    for (const sample of own) {
      for (const before of [first.slice(0, at).join(''), 'a']) {
        for (const after of ENDS) pumps.push(pump(sample, before, after));
      }
    }
    for (let end = at + 2; end <= first.length; end += 1) {
      pumps.push(pump(first.slice(at, end).join('')), pump(first.slice(at, end).join(''), '', '\0'));
    }
  }
  const all = new Map(pumps.filter((one) => one.pump !== '').map((one) => [JSON.stringify(one), one]));
  const list = [...all.values()];
  // Evenly, where there are more than need be.
  const step = Math.max(1, list.length / MAX_PUMPS);
  return Array.from(
    { length: Math.min(list.length, MAX_PUMPS) },
    (_, n) => list[Math.floor(n * step)],
  ).filter((one) => one !== undefined);
}

/** The classes, escapes and characters of a pattern, in order; groups, anchors and counts are left out. */
function atomsOf(source: string): readonly string[] {
  const tokens =
    /\[(?:\\.|[^\]\\])*\]|\\u\{[^}]*\}|\\u[0-9a-f]{4}|\\x[0-9a-f]{2}|\\p\{[^}]*\}|\\.|\(\?(?:<?[=!]|:)|\{\d+(?:,\d*)?\}|./gisu;
  return Array.from(source.matchAll(tokens), ([token]) => token).filter(
    (token) => !/^(?:[()|^$*+?]|\(\?.*|\{\d.*|\\[bB\d])$/.test(token),
  );
}

function samplesOf(atom: string, flags: string): readonly string[] {
  const one = new RegExp(`^${atom}$`, flags.replaceAll(/[gym]/g, ''));
  const fitting = POOL.filter((char) => one.test(char));
  const literal = atom.length === 1 || /^\\[^\w]$/.test(atom) ? [atom.at(-1) ?? ''] : [];
  return [...new Set([...literal, ...fitting.slice(0, 1), ...fitting.slice(-1)])];
}
