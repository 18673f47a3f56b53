import { Refusal } from '../errors.ts';
import {
  closersOf,
  DOUBLE_QUOTES,
  fenceAt,
  isQuote,
  optionName,
  readWord,
  shown,
  skipSpaces,
  unwrapFence,
  type Word,
} from './words.ts';

export interface TypedCommand {
  /** What the remote shell gets: as typed, but for the backslash of a `\"` between double quotes. */
  readonly command: string;
  /** Where the options go on. */
  readonly end: number;
}

/** What is known of the options that may follow a quoted command. */
export interface Options {
  isKnown(word: Word): boolean;
  refuse(word: Word): Refusal;
}

/**
 * The command behind `-cmd`. Without a quote it is the rest of the text. With one (a backtick, or three, as
 * Slack's users wrap code so) it is what stands between it and the first quote of the same kind after which
 * the text ends or a known option follows: quotes and backslashes inside are the remote shell's business, and
 * none has to be escaped for us. Who escapes one all the same, `\"` between double quotes, means a quote.
 */
export function readTypedCommand(text: string, from: number, options: Options): TypedCommand {
  const start = skipSpaces(text, from);
  const quote = fenceAt(text, start) ?? text.charAt(start);
  const isCode = quote.startsWith('`');
  if (!isCode && !isQuote(quote)) return readToEnd(text, start);

  const closers = isCode ? quote : closersOf(quote);
  /** The quotes that a backslash makes part of the command. */
  const escapable = quote === '"' ? quote : DOUBLE_QUOTES.includes(quote) ? DOUBLE_QUOTES : '';
  const isEscaped = (at: number) =>
    text.charAt(at - 1) === '\\' && at - 1 >= start + quote.length && escapable.includes(text.charAt(at));
  const commandUpTo = (end: number): string => {
    const typed = text.slice(start + quote.length, end);
    if (quote === '```') return withoutEdges(typed);
    return escapable === '' ? typed : typed.replace(new RegExp(`\\\\([${escapable}])`, 'g'), '$1');
  };
  let closedAt = -1;
  let stranger: Word | undefined;
  for (let at = start + quote.length; at < text.length; at += 1) {
    if (isCode ? !text.startsWith(quote, at) : !closers.includes(text.charAt(at))) continue;
    if (isEscaped(at)) continue;
    closedAt = at;
    const end = at + quote.length;
    const next = skipSpaces(text, end);
    if (next === text.length) return { command: commandUpTo(at), end };
    // A quoted word is never an option; right behind the quote, without a space, nothing is.
    if (next === end || isQuote(text.charAt(next))) continue;
    const word = readWord(text, next);
    if (word === undefined || optionName(word) === undefined) continue;
    if (options.isKnown(word)) return { command: commandUpTo(at), end };
    stranger ??= word;
  }
  if (stranger !== undefined) throw options.refuse(stranger);
  throw unclosed(text, quote, closedAt, closers);
}

function readToEnd(text: string, start: number): TypedCommand {
  const word = readWord(text, start);
  if (word !== undefined && optionName(word) !== undefined) {
    throw new Refusal('usage', `-cmd is incomplete: a command is missing before ${shown(word.raw)}.`, {
      remedy: 'Write it in quotes: -cmd "df -h".',
    });
  }
  return { command: text.slice(start), end: text.length };
}

function unclosed(text: string, quote: string, closedAt: number, closers: string): Refusal {
  if (closedAt === -1) {
    const closer = closers.includes('”') ? '”' : closers.includes('’') ? '’' : closers;
    return new Refusal('usage', `The command starts with ${quote} and no ${closer} closes it.`, {
      remedy:
        `Close it with ${closer}, or leave both away: then the command is all that follows -cmd.` +
        (/\\["“”„‟]\s*$/.test(text) ? ' A quote behind a backslash belongs to the command.' : ''),
    });
  }
  const follows = shown(
    text
      .slice(closedAt + 1)
      .replace(/^`+/, '')
      .trim(),
  );
  return new Refusal(
    'usage',
    `Behind the closing ${text.charAt(closedAt)} of the command stands ${follows}.`,
    {
      remedy:
        'Only options may follow there. If the quotes belong to the command, put all of it in other quotes: ' +
        `-cmd '"my program" --flag'.`,
    },
  );
}

/** A block of code has its fences on lines of their own. */
function withoutEdges(block: string): string {
  return block.replace(/^[ \t]*\r?\n/, '').replace(/\r?\n[ \t]*$/, '');
}

/**
 * Backticks round the whole command are quotes, however it came: to a shell they would mean to run what the
 * command says.
 */
export function unwrapCommand(command: string): {
  readonly command: string;
  readonly notes: readonly string[];
} {
  const bare = unwrapFence(command, 0);
  if (bare === command) return { command, notes: [] };
  return {
    command: command.trimStart().startsWith('```') ? withoutEdges(bare) : bare,
    notes: ['The backticks round the whole command were taken as quotes; $(…) runs what a command says.'],
  };
}

/** Refuses what no shell should get, as it cannot have been meant or cannot arrive as typed. */
export function checkCommand(command: string): void {
  if (skipSpaces(command, 0) === command.length) {
    throw new Refusal('usage', '-cmd has no command.', { remedy: 'Write it in quotes: -cmd "df -h".' });
  }
  // Tab and newline are a script's own; DEL and the C1 controls drive terminals as the C0 ones do.
  const control = /[\0-\x08\x0b-\x1f\x7f-\x9f]/.exec(command)?.[0];
  if (control !== undefined) {
    throw new Refusal('usage', `The command holds a control character (${codePoint(control)}).`, {
      remedy: 'Type it anew: it most likely came with a paste.',
    });
  }
  const mention =
    /(?:[<‹]|&lt;)(?:[#@][A-Z0-9]{4,}|!(?:here|channel|everyone|subteam|date)\b)[^<>‹›\s]{0,80}(?:[>›]|&gt;)/;
  const named = mention.exec(command)?.[0];
  if (named !== undefined) {
    throw new Refusal(
      'usage',
      `The command holds a mention, ${shown(named)}: Slack put it where a name was typed.`,
      {
        remedy:
          "Write it so that Slack sees no name, as in '#'ops or '@'ann: to a shell that is #ops and @ann.",
      },
    );
  }
  if (!command.isWellFormed()) {
    throw new Refusal('usage', 'The command holds half a character, which cannot be sent as it is.', {
      remedy: 'Type it anew: it most likely came with a paste.',
    });
  }
}

/** What in the command may not be what the operator sees: it is sent as typed all the same. */
export function noteOddities(command: string): readonly string[] {
  const notes: string[] = [];
  const curly = /[“”„‟‘’‚‛]/.exec(command)?.[0];
  if (curly !== undefined) {
    notes.push(
      `The command holds a curly quote (${curly}), sent as typed: a shell does not know it as a quote.`,
    );
  }
  const dash = /[‐‑‒–—―−]/.exec(command)?.[0];
  if (dash !== undefined) {
    notes.push(`The command holds a long dash (${dash}), sent as typed: an option needs - or --.`);
  }
  const space = /[\u00a0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u2069\u3000\ufeff\u00ad]/u.exec(command)?.[0];
  if (space !== undefined) {
    notes.push(`The command holds an invisible or special space (${codePoint(space)}), sent as typed.`);
  }
  const entity = /&(?:amp|lt|gt);/.exec(command)?.[0];
  if (entity !== undefined) {
    notes.push(
      `The command holds ${entity}, sent as typed: if you typed it as one character, check the result.`,
    );
  }
  if (/<(?:https?:\/\/|mailto:)[^<>]*>/i.test(command)) {
    notes.push('The command holds a link in < >, sent as typed: Slack may have made it one.');
  }
  return notes;
}

function codePoint(char: string): string {
  return `U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
}
