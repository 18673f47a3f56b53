import { ConfigError } from '../errors.ts';
import { shorten } from './shorten.ts';

/** Gathers what is wrong with one file, so that all of it is said at once, in the order of its lines. */
export class Problems {
  readonly #placeOf: (line: number) => string;
  /** Keyed by what will be shown: a fault in [DEFAULT] is one fault, however many sections inherit it. */
  readonly #found = new Map<string, number>();

  /** A file's name, or what stands in place of its lines where it has none. */
  constructor(file: string | ((line: number) => string)) {
    this.#placeOf = typeof file === 'string' ? (line) => `${file}:${line}` : file;
  }

  /** What a problem on that line begins with. */
  placeOf(line: number): string {
    return this.#placeOf(line);
  }

  /** `problem` must not quote a value: what stands in the wrong place may still be a password. */
  at(line: number, problem: string): void {
    this.#found.set(`${this.#placeOf(line)}: ${problem}`, line);
  }

  get all(): readonly string[] {
    return Array.from(this.#found)
      .toSorted(([, a], [, b]) => a - b)
      .map(([text]) => text);
  }

  throwIfAny(): void {
    if (this.#found.size > 0) throw new ConfigError(this.all);
  }
}

/** ` Did you mean a, b?`, or nothing where nothing is near. */
export function didYouMean(names: readonly string[]): string {
  return names.length === 0 ? '' : ` Did you mean ${names.join(', ')}?`;
}

/**
 * A name of the file as a problem may show it: short and of letters, so that a line of a pasted key or the
 * end of a password that was read as a name is not passed on.
 */
export function showName(name: string): string {
  return /^[\p{L}\p{N}_.-]{1,40}$/u.test(name) ? `"${name}"` : 'this name';
}

const MAX_SECTION_CHARS = 100;

/**
 * A section as a problem may show it, brackets and all. Python takes a header up to the last `]` of its line, so what
 * comes after another one, a `=` or what only looks like the end of a line may be a key's password.
 */
export function showSection(name: string): string {
  const end = name.search(/\].|[=\u2028\u2029]/u);
  return `[${shorten(end === -1 ? name : `${name.slice(0, end)}…`, MAX_SECTION_CHARS)}]`;
}
