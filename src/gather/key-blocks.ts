/**
 * Private keys in output, whoever's they are: from `-----BEGIN … PRIVATE KEY-----` to its END, from PuTTY's
 * `PuTTY-User-Key-File-` to the digits of its `Private-MAC`, or to the first byte that no key goes on with. Told byte by byte, from what came before: how a stream was chopped up cannot
 * matter, and where a key begins is known at most `LONGEST_MARKER` bytes later.
 */
import type { Span } from './bytes.ts';

const encoder = new TextEncoder();
const BEGIN = encoder.encode('-----BEGIN ');
const END = encoder.encode('-----END ');
/** From its first dash on, which is what is looked for. */
const PUTTY = encoder.encode('-User-Key-File-');
const PUTTY_CHARS = 'PuTTY'.length + PUTTY.length;
/** `Private-Hash` in the oldest version. */
const PUTTY_ENDS = [encoder.encode('Private-MAC:'), encoder.encode('Private-Hash:')];
const MAX_LABEL = 64;
const DASHES = 5;
export const LONGEST_MARKER = BEGIN.length + MAX_LABEL + DASHES;
/** A line of base64 whose newline became a space; words of people are shorter. */
const MIN_LINE = 20;

const DASH = 0x2d;
const NEWLINE = 0x0a;
const SPACE = 0x20;
const COLON = 0x3a;
const BACKSLASH = 0x5c;

/** Which bytes a key can hold; `.`, `_`, `@`, `~` and `\` stand in the paths that grep puts before its lines. */
const IN_KEY = tableOf(/[\w+/=.@~\\\-\t\r\n:]/);
/** What comes before a line: as diff, mail and trees write it. */
const BEFORE_LINE = tableOf(/[<>| ]/);
const IN_LABEL = tableOf(/[A-Z0-9 ]/);
const IN_MAC = tableOf(/[0-9A-Fa-f]/);

export interface KeyBlocks {
  push(bytes: Uint8Array): void;
  /** Those that reach beyond this place of the stream, counted from it; the last may go on. What is before is forgotten. */
  spansFrom(offset: number): readonly Span[];
}

/** `keptBytes`: nobody will ask for what lies further back than this. */
export function openKeyBlocks(keptBytes = Number.POSITIVE_INFINITY): KeyBlocks {
  let found: Span[] = [];
  let total = 0;
  /** Where the key begins that goes on; undefined outside of one. */
  let start: number | undefined;
  const begin = openMarker(BEGIN, (label) => /PRIVATE KEY(?: BLOCK)?$/.test(label));
  const end = openMarker(END, () => true);
  const putty = openLiteral(PUTTY);
  let puttyEnds = PUTTY_ENDS.map(openLiteral);
  let isPutty = false;
  /** Of PuTTY's last line, once it has begun. */
  let macDigits: number | undefined;
  let word = 0;
  /** It has a colon: `Proc-Type: 4,ENCRYPTED`, or grep's line after a path. */
  let isHeader = false;
  let isEscaped = false;

  function close(at: number): void {
    if (start !== undefined) found.push({ start, end: at });
    start = undefined;
    isPutty = false;
    macDigits = undefined;
  }

  function startLine(): void {
    word = 0;
    isHeader = false;
  }

  function goesOn(byte: number): boolean {
    if (macDigits !== undefined) return IN_MAC[byte] === 1 || (macDigits === 0 && byte === SPACE);
    if (end.isReading() || IN_KEY[byte] === 1) return true;
    if (isHeader) return true;
    if (word === 0) return BEFORE_LINE[byte] === 1;
    return byte === SPACE && word >= MIN_LINE;
  }

  function step(byte: number, at: number): void {
    const beginChars = begin.take(byte);
    const endChars = end.take(byte);
    const beginsPutty = putty.take(byte);
    if (start !== undefined) {
      if (endChars > 0) close(at + 1);
      else if (!goesOn(byte)) close(at);
      else if (byte === NEWLINE || (isEscaped && (byte === 0x6e || byte === 0x72))) startLine();
      else if (byte === SPACE || (word === 0 && BEFORE_LINE[byte] === 1)) word = 0;
      else if (byte === COLON) isHeader = true;
      else word += 1;
      isEscaped = byte === BACKSLASH && !isEscaped;
      if (macDigits !== undefined && IN_MAC[byte] === 1) macDigits += 1;
    }
    // Each of them has to see every byte.
    if (isPutty && puttyEnds.filter((last) => last.take(byte)).length > 0) macDigits = 0;
    if (beginChars === 0 && !beginsPutty) return;
    start ??= Math.max(0, at + 1 - (beginsPutty ? PUTTY_CHARS : beginChars));
    isPutty = beginsPutty;
    puttyEnds = PUTTY_ENDS.map(openLiteral);
    macDigits = undefined;
    startLine();
  }

  return {
    push(bytes) {
      for (let i = 0; i < bytes.length; i += 1) {
        if (start === undefined && begin.isIdle() && putty.isIdle()) {
          // Most output has no dashes: they are looked for at the speed of memory.
          const dash = bytes.indexOf(DASH, i);
          if (dash === -1) break;
          i = dash;
        }
        step(bytes[i] ?? 0, total + i);
      }
      total += bytes.length;
      if ((found[0]?.end ?? total) < total - keptBytes)
        found = found.filter((span) => span.end >= total - keptBytes);
    },
    spansFrom(offset) {
      found = found.filter((span) => span.end > offset);
      const all = start === undefined ? found : [...found, { start, end: total }];
      return all.map((span) => ({ start: Math.max(0, span.start - offset), end: span.end - offset }));
    },
  };
}

/** `-----BEGIN LABEL-----`, or the same with END. */
function openMarker(opening: Uint8Array, isMeant: (label: string) => boolean) {
  let matched = 0;
  let label = '';
  let dashes = 0;

  function fail(byte: number): 0 {
    matched = byte === DASH ? 1 : 0;
    label = '';
    dashes = 0;
    return 0;
  }

  return {
    isIdle: () => matched === 0,
    /** Its opening is there, and what came since is its label. */
    isReading: () => matched === opening.length,
    /** How many bytes the marker has that ends with this one; 0 where none does. */
    take(byte: number): number {
      if (matched < opening.length) {
        if (byte === opening[matched]) matched += 1;
        // One dash more than it takes is before it.
        else if (byte !== DASH || matched !== DASHES) fail(byte);
        return 0;
      }
      if (byte === DASH && (dashes > 0 || isMeant(label))) {
        dashes += 1;
        if (dashes < DASHES) return 0;
        const chars = opening.length + label.length + DASHES;
        fail(0);
        return chars;
      }
      if (dashes > 0 || IN_LABEL[byte] !== 1 || label.length === MAX_LABEL) return fail(byte);
      label += String.fromCharCode(byte);
      return 0;
    },
  };
}

/** Words that begin nowhere within themselves, but with a dash. */
function openLiteral(literal: Uint8Array) {
  let matched = 0;
  return {
    isIdle: () => matched === 0,
    /** Whether they end with this byte. */
    take(byte: number): boolean {
      matched = byte === literal[matched] ? matched + 1 : Number(byte === literal[0]);
      if (matched < literal.length) return false;
      matched = 0;
      return true;
    },
  };
}

function tableOf(bytes: RegExp): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) =>
    byte < 128 && bytes.test(String.fromCharCode(byte)) ? 1 : 0,
  );
}
