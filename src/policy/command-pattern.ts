import { matchesGlob } from '../inventory/host-set.ts';

/**
 * The commands a rule permits: `*` for any text at all, or patterns that are matched word by word.
 *
 *     uptime               this and nothing behind it
 *     systemctl status *   `*` stands for any words that are no options, also none: `-H root@elsewhere` is one
 *     df **                `**` for any plain words, options too, also none
 *     ls -* /srv/*         `-*` for one option; within a word `*` is any run of characters and `?` one, but no
 *                          `..` climbs out of a folder that the word names
 *     dig * +short         what begins with `+` is an option as well (`git push origin +main`, `vi +cmd`)
 *
 * Only a pattern that begins as an option does lets one through: with one, many a program that only reads runs
 * another (`find -exec`), or goes elsewhere (`systemctl -H`).
 *
 * Patterns are only matched against plain words. Anything that a shell could make something else of (quotes,
 * `;`, `|`, `$`, globs, a newline …) is refused as a whole: filters over free shell text do not hold
 * (facts/chatops-peers.md 4.8 has ten that did not).
 */
export type CommandPatterns = '*' | readonly CommandPattern[];

export interface CommandPattern {
  readonly text: string;
  readonly words: readonly string[];
}

/**
 * What no shell that we send to gives a meaning, wherever it stands in a word: `%` is cmd.exe's and `^` was
 * a pipe once. Other alphabets are left out, since a remote locale may read their bytes as something else.
 */
const PLAIN_WORD = /^[A-Za-z0-9_./:,=+@-]+$/;
const PATTERN_WORD = /^[A-Za-z0-9_./:,=+@*?-]+$/;

/** Undefined where it is no pattern: it holds a character that no plain command has. */
export function parseCommandPattern(text: string): CommandPattern | undefined {
  const words = text.split(/[ \t]+/).filter((word) => word !== '');
  const isPattern = words.length > 0 && words.every((word) => PATTERN_WORD.test(word));
  return isPattern ? { text: words.join(' '), words } : undefined;
}

/**
 * What to write instead where a pattern ends in ` *`: in files of before 0.2 that stood for options as well.
 * Undefined for any other.
 */
export function widerPattern({ words }: CommandPattern): string | undefined {
  return words.length > 1 && words.at(-1) === '*' ? [...words.slice(0, -1), '**'].join(' ') : undefined;
}

/** Why the command is not covered, as the end of a sentence; undefined where it is. */
export function explainCommand(patterns: CommandPatterns, command: string): string | undefined {
  if (patterns === '*') return undefined;
  const words = command.split(/[ \t]+/).filter((word) => word !== '');
  for (const word of words) {
    if (PLAIN_WORD.test(word)) continue;
    const char = Array.from(word).find((one) => !PLAIN_WORD.test(one)) ?? '';
    return `its commands are plain words only, and this one holds ${nameChar(char)}`;
  }
  const [first = ''] = words;
  // `PATH=/tmp df` runs what it likes, and zsh takes `=df` for a path.
  if (first.includes('=') || words.some((word) => word.startsWith('='))) {
    return 'its commands are plain words only, and this one sets a variable';
  }
  if (patterns.some((pattern) => matchesWords(pattern.words, words))) return undefined;
  return `its commands are ${formatPatterns(patterns)}`;
}

export function formatPatterns(patterns: CommandPatterns): string {
  return patterns === '*' ? '*' : patterns.map(({ text }) => text).join(', ');
}

/** Of which words a lone `*` or `**` takes any number; undefined for a pattern of one word. */
function takesMany(pattern: string): ((word: string) => boolean) | undefined {
  if (pattern === '*') return (word) => optionSign(word) === '';
  return pattern === '**' ? () => true : undefined;
}

/** In steps over the pattern: at which words of the command can what comes so far have ended? */
function matchesWords(pattern: readonly string[], words: readonly string[]): boolean {
  let ends = new Set([0]);
  for (const part of pattern) {
    const many = takesMany(part);
    const next = new Set<number>();
    for (const end of ends) {
      if (many === undefined) {
        if (end < words.length && matchesWord(part, words[end] ?? '')) next.add(end + 1);
        continue;
      }
      for (let at = end; !next.has(at); at += 1) {
        next.add(at);
        if (at >= words.length || !many(words[at] ?? '')) break;
      }
    }
    ends = next;
  }
  return ends.has(words.length);
}

/** What the word is an option by; none where it is none. */
function optionSign(word: string): '-' | '+' | '' {
  if (word.startsWith('-')) return '-';
  return word.startsWith('+') ? '+' : '';
}

/** `/var/log/*` speaks of what is below that folder, which `/var/log/../../etc/shadow` is not. */
function matchesWord(pattern: string, word: string): boolean {
  if (pattern === word) return true;
  if (!pattern.startsWith(optionSign(word))) return false;
  const climbs = pattern.includes('/') && word.split(/[/:,=]/).includes('..');
  return !climbs && matchesGlob(pattern, word);
}

function nameChar(char: string): string {
  if (char === '\n') return 'a newline';
  return /[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]/u.test(char) ? 'an invisible character' : char;
}
