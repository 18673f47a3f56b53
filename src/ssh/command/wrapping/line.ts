import { MARK_NAME } from '../mark-filter.ts';

/** Longer than this, a line is one argument too long for Linux (128 KiB), and is not sent in two versions. */
const MAX_LINE_BYTES = 128 * 1024 - 1;

/**
 * A line for any login shell that has `sh` read the script, with `$0` the mark's name, `$1` the id, `$2` how it
 * was started (`e`, `r`), and the words after that. It takes the login shell's place; a restricted shell refuses
 * `exec` with a line of its own, and goes on with what follows.
 */
export function throughSh(script: string, id: string, ...words: readonly string[]): string {
  const start = (how: 'e' | 'r') => `sh -c '${script}' ${[MARK_NAME, id, how, ...words].join(' ')}`;
  const both = `exec ${start('e')};${start('r')}`;
  return both.length <= MAX_LINE_BYTES ? both : `exec ${start('e')}`;
}

/**
 * Text → one word that every shell reads alike: in single quotes, without what is something else there to one of
 * them (`'`, `!` and newlines to csh, `\\` and `\'` to fish, bytes that are no ASCII to some locale). Those stand as
 * octal escapes for `printf %b`, of which the word then has at least one.
 */
export function encodeWord(text: string): string {
  if (isPlain(text)) return `'${text}'`;
  let word = '';
  for (const byte of Buffer.from(text)) {
    const isOwn = byte >= 0x20 && byte < 0x7f && !"'!\\".includes(String.fromCharCode(byte));
    word += isOwn ? String.fromCharCode(byte) : `\\0${byte.toString(8).padStart(3, '0')}`;
  }
  return `'${word}'`;
}

function isPlain(text: string): boolean {
  return /^[ -&(-[\]-~]*$/.test(text) && !text.includes('!');
}

/** The words of a line, and the beginning of its script that has them in `$4` and on, to the byte. */
export interface Received {
  readonly sent: readonly string[];
  readonly script: string;
}

/**
 * `$3` is the account's shell; one that is not there any more is no reason to run nothing: `sh` takes its place, as
 * sshd does it. Only `$1` and the like are set: a variable of ours could be one that the account exports.
 */
export function receive(words: readonly string[]): Received {
  const places = (from: number, show: (at: number, word: string) => string) =>
    words.map((word, i) => show(i + from, word)).join(' ');
  // `$( )` would take newlines from the end; the `_` keeps them.
  const decoded = places(3, (at, word) =>
    isPlain(word) ? `"${place(at)}"` : `"$(printf %b_ "${place(at)}")"`,
  );
  const trimmed = places(4, (at, word) => (isPlain(word) ? `"${place(at)}"` : `"\${${at}%_}"`));
  const isCoded = !words.every(isPlain);
  return {
    sent: words.map(encodeWord),
    script:
      `set -- "$1" "$2" "\${SHELL:-sh}" ${decoded};` +
      (isCoded ? `set -- "$1" "$2" "$3" ${trimmed};` : '') +
      `[ -x "$3" ]||set -- "$1" "$2" sh ${places(4, (at) => `"${place(at)}"`)};`,
  };
}

/** The word at this place, in the script that a line has read. */
export function place(at: number): string {
  return at < 10 ? `$${at}` : `\${${at}}`;
}
