/** What hosts wrote, made fit for a screen: nothing in it acts, nothing of it is hidden, and it is cut aloud. */

// ESC [ … letter, and its one-character form U+009B: colours, cursor moves, erasing.
const CSI = /(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]/g;
// ESC ] title or link BEL; also DCS, SOS, PM, APC. Only within its line: an unfinished one must not swallow
// the rest of the output. Nor does it reach over the beginning of the next: a row of beginnings would be read
// to its end from each of them.
const OSC =
  /(?:\u001b[\]PX^_]|[\u009d\u0090\u0098\u009e\u009f])[^\n\u0007\u001b\u009c\u009d\u0090\u0098\u009e\u009f]*(?:\u0007|\u001b\\|\u009c)/g;
const ESCAPE = /\u001b[ -/]*[0-Z\\^-~]/g;
// What reorders or hides its neighbours, or is nothing to the eye: bidi controls, zero-width characters, joiners,
// fillers, tags (Unicode, Default_Ignorable_Code_Point), separators of lines, and the blank of Braille.
const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\u2028\u2029\u2800\ufff9-\ufffb]/gu;
const CONTROL = /[\0-\u0008\u000b-\u001f\u007f-\u009f]/g;

/**
 * Output as a person may safely read it. Colours and other terminal sequences are dropped; of a line
 * overwritten by carriage returns the last state stays (or, with `overwrites: 'keep'`, every state on a line
 * of its own); any other control character becomes its picture (`␀`, `␈`), and a bidi or zero-width character
 * a visible `⟨U+202E⟩`, since dropping it silently would hide that somebody put it there. Tabs and newlines
 * stay; half a surrogate pair becomes `�`.
 */
export function cleanOutput(text: string, how: { overwrites?: 'last' | 'keep' } = {}): string {
  const whole = text.toWellFormed().replace(/^\ufeff/, '');
  // Most output is plain: one look decides.
  if (
    !/[^\t\n\u0020-\u007e\u00a0-\u00ac\u00ae-\u02ff\u0370-\u060b\u0620-\u115e\u1161-\u17b3\u17e0-\u17ff\u3000-\u3163\u3165-\ud7ff]/.test(
      whole,
    )
  )
    return whole;
  return settleOverwrites(
    whole
      .replace(OSC, '')
      .replace(CSI, '')
      .replace(ESCAPE, '')
      // Overstruck bold and underline, as man(1) prints them.
      .replace(/_\u0008(?=[^\n\u0008])/g, '')
      .replace(/([^\n\u0008])(?:\u0008\1)+/gu, '$1'),
    how.overwrites ?? 'last',
  )
    .replace(INVISIBLE, (char, at: number, all: string) =>
      (char === '\u200d' && joinsEmoji(all, at)) || (/[\ufe0e\ufe0f]/.test(char) && dressesEmoji(all, at))
        ? char
        : `⟨U+${codePoint(char)}⟩`,
    )
    .replace(CONTROL, pictureOf);
}

function settleOverwrites(text: string, overwrites: 'last' | 'keep'): string {
  if (!text.includes('\r')) return text;
  const lines = text.replace(/(?<!\r)\r+\n/g, '\n');
  if (overwrites === 'keep') return lines.replace(/\r+/g, '\n');
  return lines
    .split('\n')
    .map((line) => {
      if (!line.includes('\r')) return line;
      const states = line.split('\r');
      return states.findLast((state) => state.trim() !== '') ?? '';
    })
    .join('\n');
}

/** A zero-width joiner between two pictographs makes one of them (👩‍🚒); anywhere else it only hides. */
function joinsEmoji(text: string, at: number): boolean {
  const before = /[\p{Extended_Pictographic}\p{Emoji_Modifier}]\ufe0f?$/u.test(
    text.slice(Math.max(0, at - 4), at),
  );
  return before && /^\p{Extended_Pictographic}/u.test(text.slice(at + 1, at + 3));
}

/** It says whether the sign before it is drawn as text or in colours; behind anything else it only hides. */
function dressesEmoji(all: string, at: number): boolean {
  return /\p{Emoji}$/u.test(all.slice(Math.max(0, at - 2), at));
}

function codePoint(char: string): string {
  return (char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
}

function pictureOf(char: string): string {
  const code = char.charCodeAt(0);
  if (code === 0x7f) return '␡';
  return code < 0x20 ? String.fromCharCode(0x2400 + code) : `⟨U+${codePoint(char)}⟩`;
}

/** Longer than any pair or common emoji; a pile of accents above it is cut inside, as it must end somewhere. */
const LONGEST_GRAPHEME = 32;
const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** The longest beginning of at most `maxChars` UTF-16 units that ends between two graphemes. */
export function takeStart(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text;
  if (maxChars <= 0) return '';
  const from = Math.max(0, maxChars - LONGEST_GRAPHEME);
  const start = isLowSurrogate(text, from) ? from - 1 : from;
  let end = start;
  for (const { index, segment } of graphemes.segment(text.slice(start, maxChars + LONGEST_GRAPHEME))) {
    if (start + index + segment.length > maxChars) break;
    end = start + index + segment.length;
  }
  if (end === start) end = isLowSurrogate(text, maxChars) ? maxChars - 1 : maxChars;
  return text.slice(0, end);
}

/** The longest end of at most `maxChars` UTF-16 units that begins between two graphemes. */
export function takeEnd(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text;
  if (maxChars <= 0) return '';
  const earliest = text.length - maxChars;
  const from = Math.max(0, earliest - LONGEST_GRAPHEME);
  const start = isLowSurrogate(text, from) ? from - 1 : from;
  const around = graphemes.segment(text.slice(start, earliest + LONGEST_GRAPHEME));
  const begins = Array.from(around, ({ index }) => start + index).find(
    (begin) => begin >= earliest && !isLowSurrogate(text, begin),
  );
  // Inside a pile of accents; but never inside a surrogate pair.
  return text.slice(begins ?? (isLowSurrogate(text, earliest) ? earliest + 1 : earliest));
}

function isLowSurrogate(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 0xdc00 && code <= 0xdfff;
}

/** Like `takeStart`, but ends with a whole line where one ends in the last third. */
export function takeStartLines(text: string, maxChars: number): string {
  const start = takeStart(text, maxChars);
  const newline = start.length < text.length ? start.lastIndexOf('\n') : -1;
  return newline > (maxChars * 2) / 3 ? start.slice(0, newline + 1) : start;
}

export function takeEndLines(text: string, maxChars: number): string {
  const end = takeEnd(text, maxChars);
  const newline = end.length < text.length ? end.indexOf('\n') : -1;
  return newline >= 0 && newline < maxChars / 3 ? end.slice(newline + 1) : end;
}

/** One line of at most `maxChars`, its end replaced by `…` where it is longer. For names and previews. */
export function shortLine(text: string, maxChars: number): string {
  const oneLine = text.replace(/\s+/g, ' ').trim();
  return oneLine.length <= maxChars ? oneLine : `${takeStart(oneLine, maxChars - 1)}…`;
}
