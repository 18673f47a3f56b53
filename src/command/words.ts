import { Refusal } from '../errors.ts';
import { shorten } from '../inventory/shorten.ts';

/** One word of the option part: what was meant, and where it stood. */
export interface Word {
  /** Repaired; without the quotes around it. */
  readonly text: string;
  /** As typed. */
  readonly raw: string;
  readonly isQuoted: boolean;
  /** Behind its last character. */
  readonly end: number;
}

/**
 * White space, and what takes none: Slack puts no-break spaces before what it makes a link of, and text that
 * was copied brings zero-width ones along (facts: shomali11/commander#2, scrapinghub/slackbot#212).
 */
const SPACE = /[\u034f\s\u200b-\u200d\u2060\ufeff\u00ad\u115f\u1160\u3164\uffa0]/u;
const ZERO_WIDTH = /[\u034f\u200b-\u200d\u2060\ufeff\u00ad\u115f\u1160\u3164\uffa0]/gu;

export const DOUBLE_QUOTES = '"“”„‟';
const SINGLE_QUOTES = "'‘’‚‛";

/** What may close a quote: straight by straight, curly by any curly of its kind, since clients guess the side. */
export function closersOf(quote: string): string {
  if (quote === '"' || quote === "'") return quote;
  return DOUBLE_QUOTES.includes(quote) ? DOUBLE_QUOTES.slice(1) : SINGLE_QUOTES.slice(1);
}

export function isQuote(char: string): boolean {
  return char !== '' && (DOUBLE_QUOTES + SINGLE_QUOTES).includes(char);
}

function isSpace(char: string): boolean {
  return SPACE.test(char);
}

export function skipSpaces(text: string, from: number): number {
  let at = from;
  while (at < text.length && isSpace(text.charAt(at))) at += 1;
  return at;
}

/** Slack's users wrap code so, also where it only protects a `*` from being shown as bold. */
export function fenceAt(text: string, at: number): '```' | '`' | undefined {
  if (text.startsWith('```', at)) return '```';
  return text.charAt(at) === '`' ? '`' : undefined;
}

/** The text without the fences that stand round all of it from `at` on; as it is where there are others inside. */
export function unwrapFence(text: string, at: number): string {
  const start = skipSpaces(text, at);
  const fence = fenceAt(text, start);
  const whole = text.trimEnd();
  if (fence === undefined || !whole.endsWith(fence) || whole.length < start + 2 * fence.length) return text;
  const inside = whole.slice(start + fence.length, -fence.length);
  return inside.includes(fence) ? text : text.slice(0, start) + inside;
}

/** The next word at or behind `from`; undefined at the end. */
export function readWord(text: string, from: number): Word | undefined {
  const start = skipSpaces(text, from);
  if (start === text.length) return undefined;
  if (isQuote(text.charAt(start))) return readQuoted(text, start);
  let end = start;
  while (end < text.length && !isSpace(text.charAt(end))) end += 1;
  const raw = text.slice(start, end);
  return { text: repair(raw), raw, isQuoted: false, end };
}

/** Up to the quote that ends a word: one inside, as in `"bob's"`, is part of it. */
function readQuoted(text: string, start: number): Word {
  const closers = closersOf(text.charAt(start));
  for (let at = start + 1; at < text.length; at += 1) {
    const next = text.charAt(at + 1);
    if (closers.includes(text.charAt(at)) && (next === '' || next === ',' || isSpace(next))) {
      const raw = text.slice(start, at + 1);
      return { text: repair(raw.slice(1, -1)), raw, isQuoted: true, end: at + 1 };
    }
  }
  throw new Refusal('usage', `The quote before ${shown(text.slice(start + 1))} is not closed.`, {
    remedy: `Close it with ${closers.charAt(closers.length - 1)} where the words end.`,
  });
}

/**
 * Undoes what Slack's clients do to words: links back to what was typed, spaces that look like spaces and are
 * none. Only for the option part; never for a command. (Entities: `slash-text.ts`, before this.)
 */
function repair(word: string): string {
  return word
    .replace(/<(?:https?:\/\/|mailto:)([^|<>]+)\|([^<>]+)>/gi, '$2')
    .replace(/<(?:https?:\/\/|mailto:)([^|<>]+?)\/?>/gi, '$1')
    .replace(ZERO_WIDTH, '')
    .replace(/[\u00a0\u2007\u202f]/g, ' ');
}

/** Hyphens as clients write them: two become a dash of this or that length. */
const DASHES = '-‐‑‒–—―−﹣－';
const OPTION = new RegExp(`^[${DASHES}]+([\\p{L}?][^\\s]*)$`, 'u');

/** The name behind the dashes, however many and of whatever length; undefined for a word that is no option. */
export function optionName(word: Word): string | undefined {
  return word.isQuoted ? undefined : OPTION.exec(word.text)?.[1];
}

/** `web[01–20]` with a dash that a client or a document put there. */
export function plainDashes(text: string): string {
  return text.replace(new RegExp(`[${DASHES.slice(1)}]`, 'gu'), '-');
}

/** What was typed as a message may show it: in quotes, short, without what cannot be seen. */
export function shown(text: string): string {
  const clean = text.replace(/[\p{C}\p{Default_Ignorable_Code_Point}]/gu, '·');
  return `"${shorten(clean, 60)}"`;
}
