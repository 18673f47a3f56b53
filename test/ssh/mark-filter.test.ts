import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MarkFilter, type Wrapping } from '../../src/ssh/command/mark-filter.ts';

const WRAPPING: Wrapping = {
  id: 'c0ffee',
  text: 'OURS;df',
  ours: 'OURS;',
  theirs: '',
  isStartedTwice: false,
};
const LINE = 'batchops-c0ffee-e4711\n';

function filtered(text: string, cuts: readonly number[], more: Partial<Wrapping> = {}) {
  const filter = new MarkFilter({ ...WRAPPING, ...more });
  const bytes = Buffer.from(text);
  const parts: Buffer[] = [];
  let from = 0;
  for (const cut of [...cuts, bytes.length].toSorted((a, b) => a - b)) {
    parts.push(filter.push(bytes.subarray(from, cut)));
    from = Math.max(from, cut);
  }
  parts.push(filter.end());
  return { text: Buffer.concat(parts).toString(), leader: filter.leader };
}

const cuts = fc.array(fc.nat(60));

describe('our mark', () => {
  test('is taken out wherever it stands and however it is cut', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), cuts, (before, after, at) => {
        expect(filtered(`${before}${LINE}${after}`, at)).toEqual({ text: before + after, leader: 4711 });
      }),
    );
  });

  test('is found behind any flood of start-up words, of which nothing is lost and little is held', () => {
    const flood = `${'batchops-c0ffee-e'.repeat(20_000)}x`;
    const filter = new MarkFilter(WRAPPING);
    let out = 0;
    for (let at = 0; at < flood.length; at += 1_000) {
      out += filter.push(Buffer.from(flood.slice(at, at + 1_000))).length;
      expect(Math.min(flood.length, at + 1_000) - out).toBeLessThanOrEqual(66_000);
    }
    const rest = Buffer.concat([filter.push(Buffer.from(`${LINE}rest`)), filter.end()]).toString();
    expect(filter.leader).toBe(4711);
    expect(out + rest.length).toBe(flood.length + 4);
    expect(rest.endsWith('xrest')).toBe(true);
    expect(filtered(`${flood}${LINE}rest`, [70_000, 170_001])).toEqual({
      text: `${flood}rest`,
      leader: 4711,
    });
  });

  test('is no mark where it was only quoted, forged or cut off', () => {
    for (const said of [
      'batchops c0ffee e4711\n',
      'batchops-c0ffee-e$$\n',
      'batchops-c0ffee-e\n',
      'batchops-c0ffee-e0\n',
      'batchops-c0ffee-e12345678901\n',
      'batchops-decafe-e4711\n',
      'batchops-c0ffee-e4711',
    ]) {
      expect(filtered(said, [3])).toEqual({ text: said, leader: undefined });
    }
  });

  test('counts once: what looks like it later is the command’s', () => {
    expect(filtered(`${LINE}a\nbatchops-c0ffee-e9\n`, [])).toEqual({
      text: 'a\nbatchops-c0ffee-e9\n',
      leader: 4711,
    });
  });
});

describe('what is ours around a command', () => {
  test('is not shown where the host quotes the line that it got', () => {
    expect(filtered("fatal: 'OURS;df' is not allowed\n", [])).toEqual({
      text: "fatal: 'df' is not allowed\n",
      leader: undefined,
    });
    const whole = { ours: 'OURS;df', theirs: 'échó $&' };
    expect(filtered('no: OURS;df\n', [5], whole).text).toBe('no: échó $&\n');
  });

  test('is not shown where a restricted shell complains of it, and its own words before that are', () => {
    expect(filtered('motd\nrbash: exec: restricted\nbatchops-c0ffee-r17\nout', [8])).toEqual({
      text: 'motd\nout',
      leader: 17,
    });
  });

  test('start-up words that come twice are shown once, all others as often as they come', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), cuts, (words, said, at) => {
        const twice = { isStartedTwice: true };
        expect(filtered(`${words}${LINE}${words}${said}`, at, twice).text).toBe(words + said);
        const other = said.startsWith(words) ? `${said}` : words + said;
        expect(filtered(`${words}${LINE}${said}`, at, twice).text).toBe(other);
      }),
    );
  });
});
