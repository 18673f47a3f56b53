import { cleanOutput } from '../../report/text/plain.ts';

/** A line longer than this is cleaned in pieces. */
const LONG_LINE_CHARS = 256 * 1024;
/** No escape sequence worth the name is longer: one that begins this near to the end of a piece is waited for. */
const LONG_SEQUENCE_CHARS = 4 * 1024;

/** Output of any length as `cleanOutput` cleans it with all overwrites kept: nothing there reaches over a line. */
export async function* cleanLines(texts: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = '';
  let isFirst = true;
  const clean = (text: string): string => {
    // A byte order mark is one at the very beginning only.
    const cleaned = (isFirst ? '' : markOf(text)) + cleanOutput(text, { overwrites: 'keep' });
    isFirst = false;
    return cleaned;
  };
  for await (const text of texts) {
    rest += text;
    let end = rest.lastIndexOf('\n') + 1;
    if (end === 0 && rest.length > LONG_LINE_CHARS) end = pieceEnd(rest);
    if (end === 0) continue;
    yield clean(rest.slice(0, end));
    rest = rest.slice(end);
  }
  if (rest !== '') yield clean(rest);
}

function markOf(text: string): string {
  return text.startsWith('\ufeff') ? '⟨U+FEFF⟩' : '';
}

/** Where a line may be cut: before what could belong together with something still to come. */
function pieceEnd(text: string): number {
  const from = text.length - LONG_SEQUENCE_CHARS;
  const begins = text.slice(from).search(/[\u001b\u0080-\u009f]/);
  const end = begins < 0 ? text.length - 2 : from + begins;
  // Neither half a pair, nor what is struck over, nor a line's end.
  const joined = /(?<![\ud800-\udbff\u0008\r\u200d])[\ud800-\udbff\u0008\r\u200d]+$/.exec(
    text.slice(Math.max(0, end - 64), end),
  );
  return joined === null ? end : end - joined[0].length;
}
