import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { escapeMrkdwn, escapeShort, inlineCode, mention } from '../../src/report/text/escape.ts';
import { formatHostNames } from '../../src/report/text/host-names.ts';
import { cleanOutput, shortLine, takeEnd, takeStart } from '../../src/report/text/plain.ts';
import { formatBytes, formatDuration, formatProgress } from '../../src/report/text/wording.ts';
import { anyText } from './samples.ts';

describe('output is made fit to read', () => {
  test.each([
    ['colours go', '\u001b[1;31mred\u001b[0m', 'red'],
    ['a terminal link leaves its words', '\u001b]8;;http://x\u0007words\u001b]8;;\u001b\\', 'words'],
    ['an unfinished title swallows nothing below', '\u001b]0;title\nnext', '␛]0;title\nnext'],
    ['a lone escape is seen', 'a\u001b', 'a␛'],
    ['of an overwritten line the last state stays', '10%\r50%\r100%\ndone', '100%\ndone'],
    ['a line ended by CR LF is a line', 'a\r\nb\r\n', 'a\nb\n'],
    ['a last empty overwrite hides nothing', 'result\r', 'result'],
    ['NUL and BEL are seen', 'a\0b\u0007', 'a␀b␇'],
    ['a lone backspace is seen', 'ok\b\bno', 'ok␈␈no'],
    ['overstruck words of man pages are plain', 'N\bNA\bAM\bME\bE _\bf', 'NAME f'],
    ['a bidi override is seen', 'exe\u202egpj', 'exe⟨U+202E⟩gpj'],
    ['a zero-width space is seen', 'r\u200bm', 'r⟨U+200B⟩m'],
    ['a joiner that joins nothing is seen', 'r\u034fm', 'r⟨U+034F⟩m'],
    ['fillers are seen', 'a\u115fb\u1160c\u3164d\uffa0e', 'a⟨U+115F⟩b⟨U+1160⟩c⟨U+3164⟩d⟨U+FFA0⟩e'],
    ['an empty cell of Braille is seen', 'r\u2800m', 'r⟨U+2800⟩m'],
    ['a variation selector is seen where it only hides', 'rm\ufe0f', 'rm⟨U+FE0F⟩'],
    ['and stays where it draws a sign', '⚠\ufe0e ❤\ufe0f 1\ufe0f\u20e3', '⚠\ufe0e ❤\ufe0f 1\ufe0f\u20e3'],
    ['an emoji of several keeps its joiner', '👩‍🚒', '👩‍🚒'],
    ['half a pair is replaced', '\ud83d!', '\ufffd!'],
    ['tabs and newlines stay', 'a\tb\n', 'a\tb\n'],
    ['a byte order mark goes', '\ufeffa', 'a'],
    ['other scripts stay', 'Größe 大小 размер', 'Größe 大小 размер'],
  ])('%s', (_, given, shown) => {
    expect(cleanOutput(given)).toBe(shown);
  });

  test('every state of an overwritten line is kept where asked for', () => {
    expect(cleanOutput('10%\r50%\r\n', { overwrites: 'keep' })).toBe('10%\n50%\n');
  });

  test('whatever comes, no control or invisible character is left, and cleaning twice changes nothing', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const clean = cleanOutput(text);
        expect(clean).not.toMatch(/[\0-\u0008\u000b-\u001f\u007f-\u009f\u200b\u202a-\u202e\u2066-\u2069]/);
        expect(clean.isWellFormed()).toBe(true);
        expect(cleanOutput(clean)).toBe(clean);
      }),
      { numRuns: 500 },
    );
  });
});

describe('cutting', () => {
  test('keeps within its room and never splits a pair', () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 0, max: 400 }), (raw, max) => {
        const text = raw.toWellFormed();
        const start = takeStart(text, max);
        const end = takeEnd(text, max);
        expect(text.startsWith(start)).toBe(true);
        expect(text.endsWith(end)).toBe(true);
        for (const piece of [start, end]) {
          expect(piece.length).toBeLessThanOrEqual(max);
          expect(piece.isWellFormed()).toBe(true);
        }
        if (text.length > max && max > 40) expect(Math.min(start.length, end.length)).toBeGreaterThan(0);
      }),
      { numRuns: 500 },
    );
  });

  test('keeps a family together', () => {
    const family = '👨‍👩‍👧‍👦';
    expect(takeStart(`ab${family}cd`, 6)).toBe('ab');
    expect(takeEnd(`ab${family}cd`, 6)).toBe('cd');
    expect(takeStart(`ab${family}cd`, 2 + family.length)).toBe(`ab${family}`);
    expect(shortLine('a  b\nc', 20)).toBe('a b c');
  });
});

describe('mrkdwn', () => {
  test('nothing typed comes to life', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        for (const shown of [escapeMrkdwn(text), escapeShort(text, 50), inlineCode(text, 80)]) {
          expect(shown).not.toMatch(/[<>]|&(?!amp;|lt;|gt;)/);
          expect(shown).not.toMatch(/@(?:here|channel|everyone)/i);
        }
        expect(escapeShort(text, 50).length).toBeLessThanOrEqual(50);
        expect(inlineCode(text, 80).slice(1, -1)).not.toContain('`');
      }),
    );
  });

  test('a person is mentioned by id only', () => {
    expect(mention('U024BE7LH')).toBe('<@U024BE7LH>');
    expect(mention('U1> <!channel')).toBe('U1&gt; &lt;!channel');
  });
});

describe('words', () => {
  test.each([
    [412, '0.4 s'],
    [12_400, '12.4 s'],
    [59_960, '1 min'],
    [300_000, '5 min'],
    [185_000, '3 min 05 s'],
    [7_500_000, '2 h 05 min'],
    [3_599_800, '1 h'],
  ])('%d ms are %s', (ms, shown) => expect(formatDuration(ms)).toBe(shown));

  test.each([
    [1, '1 byte'],
    [812, '812 bytes'],
    [1_536, '1.5 KiB'],
    [1_048_575, '1.0 MiB'],
    [43_200_000, '41.2 MiB'],
  ])('%d bytes are %s', (bytes, shown) => expect(formatBytes(bytes)).toBe(shown));

  test('the live count says what is done, what runs, what waits and what went wrong', () => {
    expect(formatProgress({ queued: 20, running: 8, settled: { ok: 11, failed: 1 } })).toBe(
      '12 of 40 done · 8 running · 20 waiting · 1 failed',
    );
  });
});

describe('host names', () => {
  test.each([
    [['web01', 'web02', 'web03', 'db1'], 'web[01-03], db1'],
    [['web9', 'web10', 'web11'], 'web[9-11]'],
    [['web09', 'web10'], 'web[09-10]'],
    [['web1', 'web01'], 'web1, web01'],
    [['a2', 'a1'], 'a[1-2]'],
    [['web01', 'db1', 'web03'], 'web[01,03], db1'],
    [['n1.dc', 'n2.dc'], 'n[1-2].dc'],
  ])('%j fold to %s', (names, shown) => expect(formatHostNames(names, 1_000)).toBe(shown));

  test('what does not fit is counted', () => {
    const names = Array.from({ length: 500 }, (_, index) => `host-${index * 2}`);
    const shown = formatHostNames(names, 200);
    expect(shown.length).toBeLessThanOrEqual(200);
    const [, numbers = '', rest] = /^host-\[([\d,]+)\] and (\d+) more$/.exec(shown) ?? [];
    expect(numbers.split(',').length + Number(rest)).toBe(500);
    expect(formatHostNames(names, 10)).toBe('500 hosts');
  });
});
