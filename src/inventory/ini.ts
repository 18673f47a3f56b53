import { decode } from 'ini';
import { type Problems, showName, showSection } from './problems.ts';

/**
 * An INI file as Python's `configparser.ConfigParser(interpolation=None)` reads it from disk:
 *
 *     # a comment, on a line of its own
 *     [web01]                ; the name is what stands between the first [ and the last ]
 *     ip = 10.0.0.1 # web    the value is `10.0.0.1 # web`: there are no comments behind values
 *     password: "a;b"\%      the value is `"a;b"\%`: quotes, backslashes and % are themselves
 *     hosts = a,
 *         b                  a line that is indented deeper goes on with the value above: `a,\nb`
 *
 * Keys are lower case, `=` or `:` ends them (whichever is first), and a key or section twice is an error.
 * Lines are taken apart here, because the `ini` package knows neither line numbers nor these rules (32 of 41
 * inputs differ); the values are decoded by it, each in a quoting that it gives back literally.
 */
export interface IniFile {
  /** `[DEFAULT]`: what every other section inherits. */
  readonly defaults: IniSection;
  /** In file order, without `[DEFAULT]`. */
  readonly sections: readonly IniSection[];
}

export interface IniSection {
  readonly name: string;
  /** Of its header, from 1; 0 for a `[DEFAULT]` that is not there. */
  readonly line: number;
  /** Its own, by lower-case key. */
  readonly entries: ReadonlyMap<string, IniEntry>;
}

export interface IniEntry {
  /** As the file spells it. */
  readonly spelling: string;
  readonly value: string;
  readonly line: number;
  /** Of a file that is not ours: `env:`, `file:` and the like have no meaning in it. */
  readonly isLiteral?: true;
}

/** What Python's `str.strip` and `\s` take for white space; JavaScript's `\s` has U+FEFF more and these fewer: 1C–1F, 85. */
const SPACE = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const START = new RegExp(`^[${SPACE}]+`);
const END = new RegExp(`(?<![${SPACE}])[${SPACE}]+$`);
const NOT_SPACE = new RegExp(`[^${SPACE}]`);
const HEADER = /^\[(.+)\]/s;
const DELIMITER = /[=:]/;

interface OpenSection {
  readonly name: string;
  readonly line: number;
  readonly entries: Map<string, OpenEntry>;
}

interface OpenEntry {
  readonly spelling: string;
  readonly line: number;
  /** The lines of the value, each stripped; empty lines count. */
  readonly lines: string[];
}

/** Faults go to `problems`, and reading goes on behind them: the result is then only good for finding more faults. */
export function parseIni(text: string, problems: Problems): IniFile {
  const defaults: OpenSection = { name: 'DEFAULT', line: 0, entries: new Map() };
  const sections = new Map<string, OpenSection>();
  let current: OpenSection | undefined;
  /** The entry that deeper lines go on with; undefined right behind a header, which nothing continues. */
  let open: OpenEntry | undefined;
  /** Of the last header or key: what is indented deeper is a continuation. Comments and empty lines leave it. */
  let indent = 0;
  let headerMissed = false;

  const readHeader = (name: string, line: number): void => {
    open = undefined;
    const first = sections.get(name);
    if (name === 'DEFAULT') {
      current = defaults;
      return;
    }
    current = { name, line, entries: new Map() };
    if (first === undefined) sections.set(name, current);
    else problems.at(line, `section ${showSection(name)} is there twice, first on line ${first.line}`);
  };

  const readEntry = (section: OpenSection, content: string, line: number): void => {
    const end = content.search(DELIMITER);
    if (end === -1) {
      problems.at(line, 'neither a [section] nor a "name = value" nor a comment');
      return;
    }
    const spelling = content.slice(0, end).replace(END, '');
    open = { spelling, line, lines: [content.slice(end + 1).replace(START, '')] };
    const key = spelling.toLowerCase();
    const first = section.entries.get(key);
    if (key === '') {
      // Python does not let such a line be continued either.
      open = undefined;
      problems.at(line, 'no name before the "=" or ":"');
    } else if (first === undefined) {
      section.entries.set(key, open);
    } else {
      problems.at(
        line,
        `${showName(key)} is there twice in ${showSection(section.name)}, first on line ${first.line}`,
      );
    }
  };

  // Files are read with universal newlines, and a byte order mark is fine.
  const lines = text.replace(/^\ufeff/, '').split(/\r\n|\r|\n/);
  for (const [index, raw] of lines.entries()) {
    const content = raw.replace(START, '').replace(END, '');
    // What follows the last newline is no line, and an empty line at the end of a value is cut anyway.
    if (content === '') {
      open?.lines.push('');
      continue;
    }
    if (content.startsWith('#') || content.startsWith(';')) continue;
    const depth = raw.search(NOT_SPACE);
    if (open !== undefined && depth > indent) {
      open.lines.push(content);
      continue;
    }
    indent = depth;
    const header = HEADER.exec(content)?.[1];
    if (header !== undefined) readHeader(header, index + 1);
    else if (current !== undefined) readEntry(current, content, index + 1);
    else if (!headerMissed) {
      headerMissed = true;
      problems.at(index + 1, 'stands before the first [section]');
    }
  }
  return decodeValues(defaults, [...sections.values()]);
}

/** The section's value of `key`, its own or the inherited one. */
export function findEntry(file: IniFile, section: IniSection, key: string): IniEntry | undefined {
  return section.entries.get(key) ?? file.defaults.entries.get(key);
}

/**
 * Gives the values to the `ini` package and takes them back, under numbers for names: it splits section names
 * at dots, drops `__proto__` and makes arrays of `name[]`, where Python takes all of these literally.
 */
function decodeValues(defaults: OpenSection, sections: readonly OpenSection[]): IniFile {
  const all = [defaults, ...sections];
  const document = all.flatMap((section, i) => [
    `[${i}]`,
    ...Array.from(section.entries.values(), (entry, j) => `${j} = ${quote(joinLines(entry.lines))}`),
  ]);
  const decoded = decode(document.join('\n'));
  const valueAt = (i: number, j: number): string => {
    const value: unknown = decoded[i]?.[j];
    if (value === undefined) throw new Error('the ini package lost a value');
    // It makes JSON values of true, false and null even in quotes; as text they are what stood there.
    return String(value);
  };
  const close = (section: OpenSection, i: number): IniSection => ({
    name: section.name,
    line: section.line,
    entries: new Map(
      Array.from(section.entries, ([key, { spelling, line }], j) => [
        key,
        { spelling, line, value: valueAt(i, j) },
      ]),
    ),
  });
  return { defaults: close(defaults, 0), sections: sections.map((section, i) => close(section, i + 1)) };
}

function joinLines(lines: readonly string[]): string {
  return lines.join('\n').replace(END, '');
}

/** JSON in double quotes is what `ini` gives back as it was; U+2028 and U+2029 would end its line. */
function quote(value: string): string {
  return JSON.stringify(value).replace(
    /[\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
